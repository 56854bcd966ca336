"""What is to be known of a report that was nevertheless given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from brightfield.images.picture import Note
from brightfield.metrics.statistics.estimate import Estimate, IntervalOrReason
from brightfield.metrics.statistics.family import MetricPath


def from_same_data(rule: str) -> Note:
    """Of a threshold that was chosen on the rows that it is judged by."""
    return Note(
        "threshold_from_same_data",
        f"The threshold was chosen by {rule} on these very rows, so the numbers at it are too "
        "favourable; choose it on other data and send it as `threshold`.",
    )


def turned_round(names: Sequence[str]) -> list[Note]:
    """Of scores that are surely lower for what they should be higher for; `names` of the classes,
    of two the positive one."""
    if not names:
        return []
    return [
        Note(
            "auroc_below_half",
            f"AUROC and its interval lie below 0.5 for {', '.join(names[:5])}: the scores are "
            "lower for this class than for others. Check `positive`, the order of `labels`, and "
            "whether higher scores mean the class.",
        )
    ]


def called_round(estimate: Estimate) -> list[Note]:
    """Of predictions that are surely wrong more often than right, by their balanced accuracy."""
    if not estimate.surely_below(0.5):
        return []
    return [
        Note(
            "predictions_below_half",
            "Balanced accuracy and its interval lie below 0.5: the predictions are wrong more "
            "often than chance. Check that truth and predictions count the classes alike, and the "
            "order of `labels`.",
        )
    ]


def left_out(excluded: int, what: str) -> list[Note]:
    """Of incomplete or unreadable data, without which numbers are often better than they should
    be."""
    if not excluded:
        return []
    return [
        Note(
            "rows_excluded",
            f"{excluded:,} {what} are left out, and the numbers are of the others. What a model "
            "fails on is often the hardest; `excluded` names them.",
        )
    ]


def bits_assumed(assumed: bool) -> list[Note]:
    """Of numbers of JSON, which do not tell their type."""
    if not assumed:
        return []
    return [
        Note(
            "bits_assumed",
            "Whole numbers in `array` were taken for images of 8 bits, since JSON does not tell "
            "their type; send data_range if they have other values.",
        )
    ]


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
