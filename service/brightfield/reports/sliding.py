"""What moves between false negatives and false positives as a threshold slides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from brightfield.reports.report import Report, curve


@dataclass(frozen=True, slots=True)
class Errors:
    """Of so many positives and negatives, those that are taken for the other class."""

    fn: int
    fp: int
    positives: int
    negatives: int

    @property
    def told(self) -> str:
        """Both in words."""
        missed = f"{self.fn:,} of {self.positives:,} positives missed"
        return f"{missed}, {self.fp:,} of {self.negatives:,} negatives called positive"


def errors_here(report: Report) -> Errors | None:
    """The errors at the operating point, None where there is none."""
    counts, labels = report["confusion"]["counts"], report["labels"]
    if counts is None:
        return None
    positive = labels.index(report["operating_point"]["positive"])
    (tp, fn), (fp, tn) = (
        counts[row][:: 1 if positive == 0 else -1] for row in (positive, 1 - positive)
    )
    return Errors(fn, fp, tp + fn, fp + tn)


def slides(report: Report) -> Iterator[str]:
    """What it costs to halve either kind of error by another threshold, in sentences."""
    here, found = errors_here(report), curve(report, "thresholds")
    if here is None or found is None or report["operating_point"]["threshold"] is None:
        return
    places = range(len(found["threshold"]))  # by falling thresholds: fn falls and fp grows
    lower = next((at for at in places if 2 * found["fn"][at] <= here.fn), None)
    higher = next((at for at in reversed(places) if 2 * found["fp"][at] <= here.fp), None)
    for wanted, at, what in (
        (here.fn, lower, "missed positives"),
        (here.fp, higher, "false positives"),
    ):
        if wanted and at is not None:
            counts = Errors(found["fn"][at], found["fp"][at], here.positives, here.negatives)
            where = f"{found['threshold'][at]:.4g}"
            yield f"A threshold of {where} at least halves the {what}: {counts.told}."
