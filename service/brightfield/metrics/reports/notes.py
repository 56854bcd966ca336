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
            f"{what} that are left out: {excluded:,}. The numbers are of the others, and what a "
            "model fails on is often the hardest; `excluded` names them.",
        )
    ]


def turned_upright(counts: Sequence[int], what: Sequence[str], pairs: int) -> list[Note]:
    """Of files that say which way up they are, `counts` of the truth and of what is judged."""
    if not any(counts):
        return []
    shown = " and ".join(f"{n:,} {name}" for n, name in zip(counts, what, strict=True))
    return [
        Note(
            "orientation_applied",
            f"The files of {shown} of {pairs:,} pairs say which way up they are (EXIF "
            "orientation), and were turned so, as photographs are. If one is upright as it is "
            "stored and only inherited the tag, save it without.",
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


def unlike_predictions(scored: Sequence[bool], cut: str) -> list[Note]:
    """Of two runs of which one alone has scores, whose predictions are made by `cut`."""
    if scored[0] == scored[1]:
        return []
    one, other = ("a", "b") if scored[0] else ("b", "a")
    return [
        Note(
            "scores_of_one_run",
            f"Run {one} has scores and run {other} predictions alone. Numbers of scores, such as "
            "AUROC and average precision, are null; the others compare the predictions that run "
            f"{other} sent with those of run {one} by {cut}. They may differ by where they cut "
            "alone; send scores in both runs to see which knows more.",
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
