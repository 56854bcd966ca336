"""Numbers of reports against what is required of them."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield.errors import InvalidParameter
from brightfield.reports.requirements.judging import judge

Report = dict[str, Any]


def test_values_and_ends_of_intervals_of_every_scope(reports: dict[str, Report]) -> None:
    report = reports["binary"]
    entry = report["metrics"]["auroc"]
    value, (low, high) = entry["value"], entry["ci"]
    found = judge(report, [f"auroc>={value!r}", f"auroc@lower>{low!r}", f"auroc@upper<={high!r}"])
    assert [(each["value"], each["outcome"]) for each in found] == [
        (value, "met"), (low, "not_met"), (high, "met")
    ]  # fmt: skip
    objects = reports["objects"]
    names = ["pooled.iou>=0", "objects.merges<=9", "n>=12", "hd95<=9um", "hd95 >= 0 µm"]
    assert {each["outcome"] for each in judge(objects, names)} == {"met"}
    (of_class,) = judge(reports["boxes"], ["ap/RBC>0.99"])
    assert of_class["value"] == reports["boxes"]["per_class"][0]["metrics"]["ap"]["value"]
    (missed,) = judge(reports["boxes"], ["errors.counts.missed<0"])
    assert missed["value"] == reports["boxes"]["errors"]["counts"]["missed"]


def test_a_number_without_a_value_is_not_met(reports: dict[str, Report]) -> None:
    (found,) = judge(reports["one_class"], ["auroc<=1"])
    assert (found["outcome"], found["undefined"]) == ("undefined", "no_negatives")
    few = {"value": 0.9, "ci": None, "undefined": None, "ci_undefined": "too_few", "n": 3}
    (found,) = judge({**reports["binary"], "metrics": {"auroc": few}}, ["auroc@lower>=0.1"])
    assert (found["outcome"], found["undefined"]) == ("undefined", "too_few")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("aurc>=0.9", "no number 'aurc'. Did you mean auroc"),
        ("auroc>=90%", r"0\.9 for 90 %"),
        ("auroc>=1um", "a number without a unit"),
        ("n@lower>=1", "is a count and has no interval"),
        ("auroc", "has no bound"),
    ],
)
def test_what_the_report_cannot_say_is_refused(
    text: str, said: str, reports: dict[str, Report]
) -> None:
    with pytest.raises(InvalidParameter, match=said):
        judge(reports["binary"], [text])


def test_another_unit_is_refused(reports: dict[str, Report]) -> None:
    with pytest.raises(InvalidParameter, match="hd95 is in pixels"):
        judge(reports["masks"], ["hd95<=5um"])


def test_without_rows_classes_are_not_known_yet(reports: dict[str, Report]) -> None:
    (found,) = judge(reports["no_boxes"], ["ap/RBC>=0.1"])
    assert (found["outcome"], found["undefined"]) == ("undefined", "no_rows")
    with pytest.raises(InvalidParameter, match="no number 'pa/RBC'"):
        judge(reports["no_boxes"], ["pa/RBC>=0.1"])
