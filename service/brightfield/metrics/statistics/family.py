"""Families of metrics, and how the numbers of a report are made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.bootstrap import Batch, bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate, IntervalOrReason, Reason
from brightfield.metrics.statistics.resampling import Resampler, SampleWeights
from brightfield.progress import Progress

T = TypeVar("T")
W = TypeVar("W")
W_co = TypeVar("W_co", covariant=True)
S = TypeVar("S", bound="Weighable[Any]")

MetricPath = tuple[str | int, ...]
"""Where a number stands in a report, as `("metrics", "auroc")`."""

# Weights times metrics over all resamples: about a minute.
MOST_WORK = 2_000_000_000


class Weighable(Protocol[W_co]):
    """A sample whose units can count more than once. Two of a kind can follow one another
    (`followed_by`), where runs are compared."""

    def weighted(self, weights: SampleWeights) -> W_co:
        """What its families count, in each of B weighted samples."""


@dataclass(frozen=True, eq=False)
class SharedUnits(Generic[T]):
    """The samples of two runs as they are compared, and the places of units that only the other run
    has a value of."""

    first: T
    second: T
    lacking_first: Sequence[int] = ()
    lacking_second: Sequence[int] = ()


class Family(ABC, Generic[S, W]):
    """Metrics that are found together, of samples of one kind.

    A file with a subclass adds its `names` to every report that has such samples. All families of
    a sample share what `weighted` makes of it.
    """

    names: ClassVar[tuple[str, ...]] = ()
    option: ClassVar[str | None] = None
    """The option that asks for these metrics, whose value makes the family; None: always there."""
    zero: ClassVar[frozenset[str]] = frozenset()
    """The metrics whose mean over classes counts an undefined one as 0, as scikit-learn does."""

    @property
    def convention(self) -> str:
        """With which value of its option the metrics are found, and how; empty without one."""
        return ""

    @abstractmethod
    def values(self, sample: S, weighted: W) -> Mapping[str, Batch]:
        """Each metric in each of B weighted samples, NaN where it is undefined."""

    @abstractmethod
    def undefined(self, sample: S) -> Mapping[str, Reason]:
        """The metrics that the sample itself does not define, and why."""

    @abstractmethod
    def sizes(self, sample: S) -> Mapping[str, int]:
        """How many observations each metric rests on."""

    def analytic(self, sample: S, level: float) -> Mapping[str, IntervalOrReason]:
        """Intervals that need no bootstrap, where there are such."""
        return {}

    def paired(self, one: S, two: S) -> SharedUnits[S]:
        """Two samples of the same units as they are compared."""
        return SharedUnits(one, two)


@dataclass(frozen=True, eq=False)
class MetricSpec(Generic[S]):
    """A number of a report: a metric of a sample, or its mean over several (macro)."""

    key: MetricPath
    name: str
    family: Family[S, Any]
    samples: tuple[S, ...]
    n: int | None = None
    filled: bool = False
    """Whether an undefined part of a mean counts as 0."""

    @property
    def reason(self) -> Reason | None:
        """Why it is undefined: for a mean, because one of its parts is."""
        if self.filled:
            return None
        reasons = (self.family.undefined(sample).get(self.name) for sample in self.samples)
        return next((reason for reason in reasons if reason is not None), None)

    @property
    def size(self) -> int:
        if self.n is not None:
            return self.n
        return sum(self.family.sizes(sample)[self.name] for sample in self.samples)

    def analytic(self, level: float) -> IntervalOrReason | None:
        if len(self.samples) > 1:
            return None
        return self.family.analytic(self.samples[0], level).get(self.name)


def estimates(
    lines: Sequence[MetricSpec[Any]],
    resampler: Resampler,
    confidence: Confidence,
    progress: Progress,
    *,
    clustered: bool = False,
    work: int | None = None,
) -> dict[MetricPath, Estimate]:
    """The number of each line with its interval.

    `clustered` says that the resampler draws groups: then a bootstrap replaces the formulas, which
    take rows for independent. `work` is how many numbers a resample touches; else a weight for
    each unit and line.
    """
    defined = [line for line in lines if line.samples and line.reason is None]
    found = {line.key: Estimate.missing(line.reason or "absent_class") for line in lines}
    values = statistics(defined)(resampler.whole())[0] if defined else np.zeros(0)
    spans: list[IntervalOrReason | None] = [
        _formula(line, confidence, clustered) for line in defined
    ]
    wanting = [index for index, span in enumerate(spans) if span is None]
    if wanting:
        chosen = [defined[index] for index in wanting]
        drawn: list[IntervalOrReason] = ["too_many_rows"] * len(chosen)
        each = resampler.units * len(chosen) if work is None else work
        if each * confidence.resamples <= MOST_WORK:
            drawn = bootstrap(statistics(chosen), values[wanting], resampler, confidence, progress)
        for index, span in zip(wanting, drawn, strict=True):
            spans[index] = span
    for line, value, known in zip(defined, values.tolist(), spans, strict=True):
        assert known is not None
        found[line.key] = Estimate(line.size, value, span=known)
    return found


def nested(found: Mapping[MetricPath, Estimate], prefix: MetricPath) -> dict[str, Any]:
    """The estimates below `prefix`, by the last part of their keys, as JSON."""
    depth = len(prefix)
    return {
        str(key[depth]): estimate.json()
        for key, estimate in found.items()
        if key[:depth] == prefix and len(key) == depth + 1
    }


def _formula(
    line: MetricSpec[Any], confidence: Confidence, clustered: bool
) -> IntervalOrReason | None:
    if confidence.method == "none":
        return "not_requested"
    if confidence.method == "auto" and not clustered:
        return line.analytic(confidence.level)
    return None


def statistics(lines: Sequence[MetricSpec[Any]]) -> Callable[[SampleWeights], NDArray[np.float64]]:
    """All lines in one pass; what several of them share is found once."""

    def of(weights: SampleWeights) -> NDArray[np.float64]:
        shared: dict[int, Any] = {}
        known: dict[tuple[int, int], Mapping[str, Batch]] = {}

        def values(line: MetricSpec[Any], sample: Any) -> Batch:
            key = id(line.family), id(sample)
            if key not in known:
                if id(sample) not in shared:
                    shared[id(sample)] = sample.weighted(weights)
                known[key] = line.family.values(sample, shared[id(sample)])
            return known[key][line.name]

        columns = np.empty((len(weights), len(lines)))
        for index, line in enumerate(lines):
            parts = [values(line, sample) for sample in line.samples]
            if line.filled:
                parts = [np.nan_to_num(part, nan=0.0) for part in parts]
            columns[:, index] = parts[0] if len(parts) == 1 else np.mean(parts, axis=0)
        return columns

    return of


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """numerator / denominator, NaN where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    found = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator != 0)
    return found
