"""Every reason and every metric has words."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from brightfield.metrics.reading.rows import MissingReason
from brightfield.metrics.statistics.estimate import IntervalMethod, Reason
from brightfield.reports.report import numbers
from brightfield.reports.wording import METHODS, REASONS, interval, name_of, percent, shown

DASH = "\N{EN DASH}"


def test_every_reason_and_method_has_words() -> None:
    assert set(REASONS) == {*get_args(Reason), *get_args(MissingReason)}
    assert set(METHODS) == set(get_args(IntervalMethod))


def test_no_metric_shows_its_variable(reports: dict[str, dict[str, Any]]) -> None:
    names = {number.name for report in reports.values() for number in numbers(report)}
    assert len(names) > 60
    shown_names = {name_of(name) for name in names}
    assert len(shown_names) == len(names)
    assert not [name for name in shown_names if "_" in name]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, DASH), (0.12345, "0.123"), (-0.5, "-0.500"), (12.345, "12.35"), (123.45, "123.5"),
     (12345.6, "12,346")],
)  # fmt: skip
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_percents_and_intervals() -> None:
    assert (percent(0.95), percent(0.9771), percent(1.0)) == ("95 %", "97.7 %", "100 %")
    assert interval({"ci": [0.1, 1.0]}) == "0.100 to 1.000"
    assert interval({"ci": None}) == DASH
    assert name_of("hd95", "um") == "Hausdorff distance, 95 % (µm)"
