"""Numbers of single cases, and what becomes of them over all: means, and pooled ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.bootstrap import Batch, Check
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate, Reason
from brightfield.metrics.statistics.family import Family, Key, Line, estimates, ratio
from brightfield.metrics.statistics.resampling import Clusters, Codes, Resampler, Rows, Weights

Value = float | Reason
"""A case's number, or why it has none."""


@dataclass(frozen=True, eq=False)
class Mean:
    """One metric of n cases; those without a value do not count."""

    values: Sequence[Value]

    @cached_property
    def filled(self) -> NDArray[np.float64]:
        """(n,) with 0 where there is no value."""
        return np.array([0.0 if isinstance(v, str) else v for v in self.values], np.float64)

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """(n,) 1 where there is a value, else 0."""
        return np.array([not isinstance(v, str) for v in self.values], np.float64)

    def weighted(self, weights: Weights) -> Batch:
        return ratio(weights @ self.filled, weights @ self.known)


@dataclass(frozen=True, eq=False)
class Pooled:
    """A ratio of sums over all cases; `empty` says why where the denominator is 0."""

    numerator: Sequence[float]
    denominator: Sequence[float]
    empty: Reason = "both_empty"

    def weighted(self, weights: Weights) -> Batch:
        parts = (np.array(part, np.float64) for part in (self.numerator, self.denominator))
        numerator, denominator = (weights @ part for part in parts)
        return ratio(numerator, denominator)


class MeanOfCases(Family[Mean, Batch]):
    """The mean over the cases that have a value."""

    names: ClassVar[tuple[str, ...]] = ("value",)

    def values(self, sample: Mean, weighted: Batch) -> Mapping[str, Batch]:
        return {"value": weighted}

    def undefined(self, sample: Mean) -> Mapping[str, Reason]:
        if sample.known.any():
            return {}
        reasons = {value for value in sample.values if isinstance(value, str)}
        if not reasons:
            return {"value": "no_cases"}
        return {"value": reasons.pop() if len(reasons) == 1 else "mixed"}

    def sizes(self, sample: Mean) -> Mapping[str, int]:
        return {"value": int(sample.known.sum())}


class RatioOfSums(Family[Pooled, Batch]):
    """The ratio of the sums over all cases: large cases weigh more."""

    names: ClassVar[tuple[str, ...]] = ("value",)

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
    check: Check

    def estimates(self, lines: Sequence[Line[Any]]) -> dict[Key, Estimate]:
        """The numbers with intervals by drawing cases."""
        sampler: Resampler = Rows(np.zeros(self.count, np.int64))
        if self.groups is not None:
            sampler = Clusters.of_rows(self.groups)
        return estimates(
            lines, sampler, self.confidence, self.check, clustered=self.groups is not None
        )


def mean_line(key: Key, values: Sequence[Value], family: MeanOfCases) -> Line[Any]:
    """The mean of one metric over the cases."""
    return Line(key, "value", family, (Mean(values),))


def pooled_line(key: Key, samples: Sequence[Pooled], family: RatioOfSums) -> Line[Any]:
    """A pooled ratio; of several classes the mean over those that occur."""
    occurring = tuple(sample for sample in samples if any(sample.denominator))
    n = len(samples[0].denominator) if samples else 0
    return Line(key, "value", family, occurring or tuple(samples), n)


def case_json(values: Mapping[str, Value]) -> dict[str, Any]:
    """A case's numbers, and in `undefined` the reasons of those that are null."""
    return {
        **{name: None if isinstance(v, str) else v for name, v in values.items()},
        "undefined": {name: v for name, v in values.items() if isinstance(v, str)},
    }
