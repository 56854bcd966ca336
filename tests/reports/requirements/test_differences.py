"""Differences of runs against what is required of them."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield.errors import ConflictingParameter, InvalidParameter
from brightfield.reports.requirements.both import judged
from brightfield.reports.requirements.differences import judge_differences


def entry(difference: float | None, p_value: float | None, ci: Any = (-1.0, 1.0)) -> dict[str, Any]:
    undefined = "no_cases" if difference is None else None
    return {"a": 0.5 + (difference or 0), "b": 0.5, "difference": difference, "ci": ci,
            "p_value": p_value, "undefined": undefined, "ci_undefined": None}  # fmt: skip


def compared(**metrics: Any) -> dict[str, Any]:
    return {"metrics": metrics, "conventions": {"ci": {"level": 0.95}}}


WORSE = compared(
    auroc=entry(-0.2, 0.001), accuracy=entry(-0.1, 0.03), dice=entry(0.1, 0.001),
    hd95=entry(3.0, 0.012), psnr=entry(-0.1, 0.6), splits=entry(1.0, 0.001),
)  # fmt: skip


def test_a_loss_is_significant_after_holms_correction() -> None:
    found = judge_differences(WORSE, ["no_loss"])
    names = [each["metric"] for each in found]
    assert names == ["auroc", "accuracy", "dice", "hd95", "psnr"]
    # As R has it: p.adjust(c(0.001, 0.03, 0.001, 0.012, 0.6), "holm").
    expected = [0.005, 0.06, 0.005, 0.036, 0.6]
    assert [each["p_value"] for each in found] == pytest.approx(expected)
    assert [each["outcome"] for each in found] == ["worse", "met", "met", "worse", "met"]
    (alone,) = judge_differences(WORSE, ["accuracy"])
    assert (alone["p_value"], alone["outcome"]) == (0.03, "worse")


def test_without_a_p_value_the_interval_says() -> None:
    found = compared(auroc=entry(-0.2, None, (-0.3, -0.1)), dice=entry(-0.2, None, None),
                     iou=entry(None, None, None))  # fmt: skip
    outcomes = [each["outcome"] for each in judge_differences(found, ["auroc", "dice", "iou"])]
    assert outcomes == ["worse", "undefined", "undefined"]


def test_bounds_of_a_difference() -> None:
    found = judge_differences(WORSE, ["auroc>=-0.25", "auroc@lower>=-0.25", "splits<=0"])
    assert [(each["value"], each["outcome"]) for each in found] == [
        (-0.2, "met"), (-1.0, "not_met"), (1.0, "not_met")
    ]  # fmt: skip


def test_names_and_directions_that_there_are_not() -> None:
    with pytest.raises(InvalidParameter, match=r"The comparison has no number 'dise'.*dice"):
        judge_differences(WORSE, ["dise>=0"])
    with pytest.raises(InvalidParameter, match="which way 'count_error' is better"):
        judge_differences(compared(count_error=entry(1.0, 0.5)), ["count_error"])


def test_a_report_with_a_baseline(reports: dict[str, Any]) -> None:
    report = reports["binary"]
    found = judged(report, ["auroc>=0.1"], WORSE)["requirements"]
    assert [each["requirement"] for each in found] == ["auroc>=0.1", *["no_loss"] * 5]
    assert found[1]["metric"] == "difference.auroc"
    bounded = judged(report, ["difference.dice>=0"], WORSE)["requirements"]
    assert [each["requirement"] for each in bounded] == ["difference.dice>=0"]
    with pytest.raises(ConflictingParameter, match="`baseline`"):
        judged(report, ["difference.dice>=0"])
    (unknown,) = judged(reports["nothing"], ["difference.dice>=0"])["requirements"]
    assert unknown["outcome"] == "undefined"
    assert "requirements" not in judged(report, [])
