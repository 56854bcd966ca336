"""What is to be known of a report that was nevertheless given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from brightfield.images.picture import Note
from brightfield.metrics.statistics.estimate import IntervalOrReason
from brightfield.metrics.statistics.family import MetricPath


def from_same_data(rule: str) -> Note:
    """Of a threshold that was chosen on the rows that it is judged by."""
    return Note(
        "threshold_from_same_data",
        f"The threshold was chosen by {rule} on these very rows, so the numbers at it are too "
        "favourable; choose it on other data and send it as `threshold`.",
    )


class Spanned(Protocol):
    """What has an interval, or a reason for having none."""

    @property
    def span(self) -> IntervalOrReason: ...


def skipped(found: Mapping[MetricPath, Spanned]) -> list[Note]:
    """Of intervals that would take too long."""
    if all(number.span != "too_many_rows" for number in found.values()):
        return []
    return [
        Note(
            "intervals_skipped",
            "There are too many rows for that many resamples, so some intervals are null; send "
            "fewer `ci.resamples`.",
        )
    ]


def warned(notes: Iterable[Note]) -> list[dict[str, str]]:
    """Notes as a report lists them."""
    return [{"code": note.code, "detail": note.detail} for note in notes]
