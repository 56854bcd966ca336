"""Numbers of single cases, and what becomes of them over all: means, and pooled ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.reports.interval_words import few_drawn
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate, Reason
from brightfield.metrics.statistics.family import (
    Family,
    MetricPath,
    MetricSpec,
    SharedUnits,
    ratio,
)
from brightfield.metrics.statistics.intervals import Drawing, estimates
from brightfield.metrics.statistics.resampling import (
    ClusterResampler,
    Codes,
    RowResampler,
    SampleWeights,
)
from brightfield.metrics.statistics.scale import FISHER, LOG, LOGIT, PLAIN, Scale
from brightfield.progress import Progress

CaseValue = float | Reason
"""A case's number, or why it has none."""

# Shares, sizes without an upper bound, and what lies between -1 and 1; others are as they are.
_SHARES = (
    *("iou", "dice", "pixel_accuracy", "nsd", "boundary_iou"),
    *("pq", "sq", "rq", "aji", "aji_plus", "f1_at"),
)
_SIZES = ("hd", "assd", "mse", "rmse", "mae", "merges", "splits")


def scale_of(name: str) -> Scale:
    """The scale of a number of cases by its name, of which an ending (`f1_at_0.5`) may vary."""
    if name == "ssim":
        return FISHER
    kind = name.rstrip("0123456789.").rstrip("_")
    return LOGIT if kind in _SHARES else LOG if kind in _SIZES else PLAIN


@dataclass(frozen=True, eq=False)
class CaseMean:
    """One metric of n cases; those without a value do not count."""

    values: Sequence[CaseValue]

    @cached_property
    def filled(self) -> NDArray[np.float64]:
        """(n,) with 0 where there is no value."""
        return np.array([0.0 if isinstance(v, str) else v for v in self.values], np.float64)

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """(n,) 1 where there is a value, else 0."""
        return np.array([not isinstance(v, str) for v in self.values], np.float64)

    def weighted(self, weights: SampleWeights) -> Batch:
        return ratio(weights @ self.filled, weights @ self.known)

    def followed_by(self, other: CaseMean) -> CaseMean:
        """Both, one after the other."""
        return CaseMean([*self.values, *other.values])

    def beside(self, other: CaseMean) -> CaseMean:
        """The same without the values of cases in which the other has none."""
        pairs = zip(self.values, other.values, strict=True)
        return CaseMean([two if isinstance(two, str) else one for one, two in pairs])


@dataclass(frozen=True, eq=False)
class Pooled:
    """A ratio of sums over all cases; `empty` says why where the denominator is 0."""

    numerator: Sequence[float]
    denominator: Sequence[float]
    empty: Reason = "both_empty"

    def followed_by(self, other: Pooled) -> Pooled:
        """Both, one after the other."""
        return Pooled(
            [*self.numerator, *other.numerator],
            [*self.denominator, *other.denominator],
            self.empty,
        )

    def weighted(self, weights: SampleWeights) -> Batch:
        parts = (np.array(part, np.float64) for part in (self.numerator, self.denominator))
        numerator, denominator = (weights @ part for part in parts)
        return ratio(numerator, denominator)


@dataclass(frozen=True)
class MeanOfCases(Family[CaseMean, Batch]):
    """The mean over the cases that have a value; `shape` is the scale of its interval."""

    shape: Scale = PLAIN

    names: ClassVar[tuple[str, ...]] = ("value",)
    units_needed: ClassVar[int] = 3

    def scale(self, name: str, sample: CaseMean) -> Scale:
        return self.shape

    def values(self, sample: CaseMean, weighted: Batch) -> Mapping[str, Batch]:
        return {"value": weighted}

    def undefined(self, sample: CaseMean) -> Mapping[str, Reason]:
        if sample.known.any():
            return {}
        reasons = {value for value in sample.values if isinstance(value, str)}
        if not reasons:
            return {"value": "no_cases"}
        return {"value": reasons.pop() if len(reasons) == 1 else "mixed"}

    def sizes(self, sample: CaseMean) -> Mapping[str, int]:
        return {"value": int(sample.known.sum())}

    def paired(self, one: CaseMean, two: CaseMean) -> SharedUnits[CaseMean]:
        """Both over the cases that have a value in both: a mean over other cases is of another
        thing."""
        known = one.known.astype(np.bool_), two.known.astype(np.bool_)
        lacking = np.flatnonzero(~known[0] & known[1]), np.flatnonzero(known[0] & ~known[1])
        return SharedUnits(one.beside(two), two.beside(one), *(side.tolist() for side in lacking))


@dataclass(frozen=True)
class RatioOfSums(Family[Pooled, Batch]):
    """The ratio of the sums over all cases: large cases weigh more; `shape` is as above."""

    shape: Scale = PLAIN

    names: ClassVar[tuple[str, ...]] = ("value",)

    def scale(self, name: str, sample: Pooled) -> Scale:
        return self.shape

    def values(self, sample: Pooled, weighted: Batch) -> Mapping[str, Batch]:
        return {"value": weighted}

    def undefined(self, sample: Pooled) -> Mapping[str, Reason]:
        if not len(sample.denominator):
            return {"value": "no_cases"}
        return {} if any(sample.denominator) else {"value": sample.empty}

    def sizes(self, sample: Pooled) -> Mapping[str, int]:
        return {"value": len(sample.denominator)}


@dataclass(frozen=True)
class Draws:
    """How cases are drawn: one by one, or by whole groups."""

    count: int
    groups: Codes | None
    confidence: Confidence
    progress: Progress

    @cached_property
    def drawing(self) -> Drawing:
        if self.groups is not None:
            return Drawing.of(ClusterResampler.of_rows(self.groups), clustered=True)
        return Drawing.of(RowResampler(np.zeros(self.count, np.int64)), clustered=False)

    def estimates(self, lines: Sequence[MetricSpec[Any]]) -> dict[MetricPath, Estimate]:
        """The numbers with intervals."""
        return estimates(lines, self.drawing, self.confidence, self.progress)

    def few(self, found: Mapping[MetricPath, Estimate]) -> list[Note]:
        """What to know of intervals that rest on few cases or groups."""
        return few_drawn(self.drawing, "cases", self.confidence, found.values())


def mean_line(key: MetricPath, values: Sequence[CaseValue], family: MeanOfCases) -> MetricSpec[Any]:
    """The mean of one metric over the cases."""
    scaled = replace(family, shape=scale_of(str(key[-1])))
    return MetricSpec(key, "value", scaled, (CaseMean(values),))


def pooled_line(key: MetricPath, samples: Sequence[Pooled], family: RatioOfSums) -> MetricSpec[Any]:
    """A pooled ratio; of several classes the mean over those that occur."""
    occurring = tuple(sample for sample in samples if any(sample.denominator))
    n = len(samples[0].denominator) if samples else 0
    scaled = replace(family, shape=scale_of(str(key[-1])))
    return MetricSpec(key, "value", scaled, occurring or tuple(samples), n)


def case_json(values: Mapping[str, CaseValue]) -> dict[str, Any]:
    """A case's numbers, and in `undefined` the reasons of those that are null."""
    return {
        **{name: None if isinstance(v, str) else v for name, v in values.items()},
        "undefined": {name: v for name, v in values.items() if isinstance(v, str)},
    }
