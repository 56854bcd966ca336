"""Families of metrics, and how the numbers of a report are made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Estimate, IntervalOrReason, Reason
from brightfield.metrics.statistics.resampling import Resampler, SampleWeights
from brightfield.metrics.statistics.scale import PLAIN, MetricScale
from brightfield.metrics.statistics.student import LEAST_UNITS

T = TypeVar("T")
W = TypeVar("W")
W_co = TypeVar("W_co", covariant=True)
S = TypeVar("S", bound="Weighable[Any]")

MetricPath = tuple[str | int, ...]
"""Where a number stands in a report, as `("metrics", "auroc")`."""


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
    scales: ClassVar[Mapping[str, MetricScale]] = {}
    """On which scale a metric's interval is symmetric; without one as it is."""
    fixed: ClassVar[frozenset[str]] = frozenset()
    """The metrics that do not depend on how frequent the classes are: a bootstrap may draw rows
    within the true classes."""
    smooth: ClassVar[bool] = True
    """Whether a metric changes little with one row. Those of a threshold that is looked for anew do
    not, and a bootstrap alone has their intervals."""
    exchanged: ClassVar[bool] = True
    """Whether exchanges of rows between two runs are quick enough to test a difference by."""
    units_needed: ClassVar[int] = LEAST_UNITS
    """Independent units that an interval needs."""
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

    def untold(self, sample: S) -> Mapping[str, Reason]:
        """The metrics whose interval no method can tell from this sample, and why."""
        return {}

    def scale(self, name: str, sample: S) -> MetricScale:
        """The scale of a metric of a sample."""
        return self.scales.get(name, PLAIN)

    def paired(self, one: MetricSpec[S], two: MetricSpec[S]) -> SharedUnits[MetricSpec[S]]:
        """A number of two samples of the same units as it is compared."""
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
    of: tuple[int, ...] = ()
    """Which classes the samples are of, where not all need occur."""

    @property
    def reason(self) -> Reason | None:
        """Why it is undefined: for a mean, because one of its parts is."""
        reasons = (self.family.undefined(sample).get(self.name) for sample in self.samples)
        known = (reason for reason in reasons if reason is not None)
        return next((why for why in known if not self.filled or why == "no_rows"), None)

    @property
    def size(self) -> int:
        if self.n is not None:
            return self.n
        return sum(self.family.sizes(sample)[self.name] for sample in self.samples)

    @property
    def scale(self) -> MetricScale:
        return self.family.scale(self.name, self.samples[0])

    @property
    def untold(self) -> Reason | None:
        """Why no method tells its interval; a part that counts as 0 says nothing about others."""
        if self.filled:
            parts = (self.family.undefined(sample).get(self.name) for sample in self.samples)
            known = next((reason for reason in parts if reason is not None), None)
            if known is not None:
                return known
        reasons = (self.family.untold(sample).get(self.name) for sample in self.samples)
        return next((reason for reason in reasons if reason is not None), None)

    def short(self, resampler: Resampler, clustered: bool) -> bool:
        """Whether there are too few independent units for an interval."""
        least = LEAST_UNITS if clustered else self.family.units_needed
        return resampler.drawn < least


def nested(found: Mapping[MetricPath, Estimate], prefix: MetricPath) -> dict[str, Any]:
    """The estimates below `prefix`, by the last part of their keys, as JSON."""
    depth = len(prefix)
    return {
        str(key[depth]): estimate.json()
        for key, estimate in found.items()
        if key[:depth] == prefix and len(key) == depth + 1
    }


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
