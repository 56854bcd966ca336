"""Numbers of single cases, and what becomes of them over all: means, and pooled ratios."""

from __future__ import annotations

from collections import Counter
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
from brightfield.metrics.statistics.scale import FISHER, LOG, LOGIT, PLAIN, MetricScale
from brightfield.progress import Progress

# Of masks that were missed.
_TOLD = ("empty_truth", "empty_prediction")

CaseValue = float | Reason
"""A case's number, or why it has none."""

# Shares, sizes without an upper bound, and what lies between -1 and 1; others are as they are.
_SHARES = (
    *("iou", "dice", "pixel_accuracy", "nsd", "boundary_iou"),
    *("pq", "sq", "rq", "aji", "aji_plus", "f1_at"),
)
_SIZES = ("hd", "assd", "mse", "rmse", "mae", "merges", "splits")


def scale_of(name: str) -> MetricScale:
    """The scale of a number of cases by its name, of which an ending (`f1_at_0.5`) may vary."""
    if name == "ssim":
        return FISHER
    kind = name.rstrip("0123456789.").rstrip("_")
    return LOGIT if kind in _SHARES else LOG if kind in _SIZES else PLAIN


@dataclass(frozen=True, eq=False)
class CaseMean:
    """One metric of n cases; those without a value do not count. `parts` are the values of each
    class of a case, if a case's value is the mean over its classes."""

    values: Sequence[CaseValue]
    parts: Sequence[Sequence[CaseValue]] | None = None

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
        """The same without the values of cases in which the other has none, and of classes."""
        own, its = self.of_classes, other.of_classes
        kept = [
            [two if isinstance(two, str) else one for one, two in zip(*sides, strict=True)]
            for sides in zip(own, its, strict=True)
        ]
        return CaseMean([mean_value(values) for values in kept], kept)

    @property
    def of_classes(self) -> Sequence[Sequence[CaseValue]]:
        """The values of each case that its own is the mean of."""
        return [[value] for value in self.values] if self.parts is None else self.parts

    def lacking(self, other: CaseMean) -> list[int]:
        """The cases in which the other has a value that this has not."""
        return [
            place
            for place, sides in enumerate(zip(self.of_classes, other.of_classes, strict=True))
            if any(
                isinstance(one, str) and not isinstance(two, str)
                for one, two in zip(*sides, strict=True)
            )
        ]


@dataclass(frozen=True, eq=False)
class Pooled:
    """A ratio of sums over all cases; `empty` says why where the denominator is 0. With `gaps` a
    case whose denominator is 0 has no value, as a missed mask has no distance; else it has nothing
    to count."""

    numerator: Sequence[float]
    denominator: Sequence[float]
    empty: Reason = "both_empty"
    gaps: bool = False

    def followed_by(self, other: Pooled) -> Pooled:
        """Both, one after the other."""
        return Pooled(
            [*self.numerator, *other.numerator],
            [*self.denominator, *other.denominator],
            self.empty,
            self.gaps,
        )

    def beside(self, other: Pooled) -> Pooled:
        """The same without the cases in which the other has no value."""
        kept = [float(n > 0) for n in other.denominator]
        return replace(
            self,
            numerator=[a * k for a, k in zip(self.numerator, kept, strict=True)],
            denominator=[b * k for b, k in zip(self.denominator, kept, strict=True)],
        )

    @property
    def nothing(self) -> Pooled:
        """The same cases without a value."""
        none = [0.0] * len(self.denominator)
        return replace(self, numerator=none, denominator=none)

    def lacking(self, other: Pooled) -> list[int]:
        """The cases in which the other has a value that this has not."""
        sides = zip(self.denominator, other.denominator, strict=True)
        return [place for place, (own, its) in enumerate(sides) if its and not own]

    def weighted(self, weights: SampleWeights) -> Batch:
        parts = (np.array(part, np.float64) for part in (self.numerator, self.denominator))
        numerator, denominator = (weights @ part for part in parts)
        return ratio(numerator, denominator)


@dataclass(frozen=True)
class MeanOfCases(Family[CaseMean, Batch]):
    """The mean over the cases that have a value; `shape` is the scale of its interval."""

    shape: MetricScale = PLAIN

    names: ClassVar[tuple[str, ...]] = ("value",)
    units_needed: ClassVar[int] = 3

    def scale(self, name: str, sample: CaseMean) -> MetricScale:
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

    def paired(
        self, one: MetricSpec[CaseMean], two: MetricSpec[CaseMean]
    ) -> SharedUnits[MetricSpec[CaseMean]]:
        """Both over the cases and classes that have a value in both: a mean over others is of
        another thing."""
        first, second = one.samples[0], two.samples[0]
        return SharedUnits(
            replace(one, samples=(first.beside(second),)),
            replace(two, samples=(second.beside(first),)),
            first.lacking(second),
            second.lacking(first),
        )


@dataclass(frozen=True)
class RatioOfSums(Family[Pooled, Batch]):
    """The ratio of the sums over all cases: large cases weigh more; `shape` is as above."""

    shape: MetricScale = PLAIN

    names: ClassVar[tuple[str, ...]] = ("value",)

    def scale(self, name: str, sample: Pooled) -> MetricScale:
        return self.shape

    def values(self, sample: Pooled, weighted: Batch) -> Mapping[str, Batch]:
        return {"value": weighted}

    def undefined(self, sample: Pooled) -> Mapping[str, Reason]:
        if not len(sample.denominator):
            return {"value": "no_cases"}
        return {} if any(sample.denominator) else {"value": sample.empty}

    def sizes(self, sample: Pooled) -> Mapping[str, int]:
        return {"value": len(sample.denominator)}

    def paired(
        self, one: MetricSpec[Pooled], two: MetricSpec[Pooled]
    ) -> SharedUnits[MetricSpec[Pooled]]:
        """With gaps both over the cases and classes that have a value in both."""
        if not one.samples[0].gaps:
            return SharedUnits(one, two)
        sides = [dict(zip(each.of, each.samples, strict=True)) for each in (one, two)]
        classes = sorted({*one.of, *two.of})
        nothing = one.samples[0].nothing
        pairs = [(sides[0].get(c, nothing), sides[1].get(c, nothing)) for c in classes]
        lacking_first = {place for first, second in pairs for place in first.lacking(second)}
        lacking_second = {place for first, second in pairs for place in second.lacking(first)}
        both = [(first.beside(second), second.beside(first)) for first, second in pairs]
        kept = [pair for pair in both if any(pair[0].denominator)] or both[:1]
        n = sum(map(any, zip(*(first.denominator for first, _ in kept), strict=True)))
        return SharedUnits(
            replace(one, samples=tuple(first for first, _ in kept), n=n),
            replace(two, samples=tuple(second for _, second in kept), n=n),
            sorted(lacking_first),
            sorted(lacking_second),
        )


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


def mean_value(values: Sequence[CaseValue]) -> CaseValue:
    """The mean of what has a value, or why nothing has."""
    numbers = [value for value in values if not isinstance(value, str)]
    if numbers:
        return sum(numbers) / len(numbers)
    reasons = {value for value in values if isinstance(value, str)}
    return reasons.pop() if len(reasons) == 1 else "mixed"


def mean_line(
    key: MetricPath,
    values: Sequence[CaseValue],
    family: MeanOfCases,
    parts: Sequence[Sequence[CaseValue]] | None = None,
) -> MetricSpec[Any]:
    """The mean of one metric over the cases; `parts` are a case's values of each class."""
    scaled = replace(family, shape=scale_of(str(key[-1])))
    return MetricSpec(key, "value", scaled, (CaseMean(values, parts),))


def pooled_line(key: MetricPath, samples: Sequence[Pooled], family: RatioOfSums) -> MetricSpec[Any]:
    """A pooled ratio; of several classes the mean over those that occur."""
    occurring = [c for c, sample in enumerate(samples) if any(sample.denominator)]
    of = tuple(occurring or range(len(samples)))
    n = len(samples[0].denominator) if samples else 0
    scaled = replace(family, shape=scale_of(str(key[-1])))
    return MetricSpec(key, "value", scaled, tuple(samples[c] for c in of), n, of=of)


def without_value(lines: Sequence[MetricSpec[Any]]) -> list[Note]:
    """Of means of cases that leave some out; that distances have no missed masks is told of
    apart."""
    found: dict[str, list[str]] = {}
    for line in lines:
        sample = line.samples[0]
        if line.key[0] != "metrics" or not isinstance(sample, CaseMean) or not sample.known.any():
            continue
        reasons = Counter(v for v in sample.values if isinstance(v, str) and v not in _TOLD)
        for reason, count in reasons.items():
            found.setdefault(f"{count:,} ({reason})", []).append(str(line.key[-1]))
    shown = "; ".join(f"{', '.join(names[:4])}: {count}" for count, names in found.items())
    if not found:
        return []
    return [
        Note(
            "cases_without_value",
            f"Some cases have no value, and the means leave them out: {shown}. A mean of few cases "
            "says little about the others; `cases` has the reasons.",
        )
    ]


def case_json(values: Mapping[str, CaseValue]) -> dict[str, Any]:
    """A case's numbers, and in `undefined` the reasons of those that are null."""
    return {
        **{name: None if isinstance(v, str) else v for name, v in values.items()},
        "undefined": {name: v for name, v in values.items() if isinstance(v, str)},
    }
