"""Two sets of predictions about the same things: how much their numbers differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import IncomparableRuns
from brightfield.metrics.counted.paired_auroc import PairedTest, paired_delong
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.statistics.bootstrap import bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason, Reason
from brightfield.metrics.statistics.family import MOST_WORK, MetricPath, MetricSpec, statistics
from brightfield.metrics.statistics.resampling import Codes, Resampler, SampleWeights
from brightfield.progress import Progress

_LISTED = 100  # ids of one run alone that are named
CONVENTIONS: Mapping[str, Any] = {
    "difference": "a minus b, over the ids that both runs have complete rows of",
    "auroc": "DeLong's paired test; p_value is two-sided",
    "bootstrap": "each resample is drawn once and counted in both runs; percentile or bca of the "
    "differences, without p-value",
    "operating_point": "each run's own, found on the shared rows",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A number of both, and the interval of their difference, or why there is none."""

    first: float | None
    second: float | None
    undefined: Reason | None = None
    span: IntervalOrReason = "not_requested"
    p_value: float | None = None

    def json(self) -> dict[str, Any]:
        """The difference as a comparison shows it."""
        both = self.first is not None and self.second is not None
        known = isinstance(self.span, Interval)
        return {
            "a": self.first,
            "b": self.second,
            "difference": self.first - self.second if both else None,  # type: ignore[operator]
            "ci": [self.span.low, self.span.high] if isinstance(self.span, Interval) else None,
            "method": self.span.method if isinstance(self.span, Interval) else None,
            "p_value": self.p_value,
            "undefined": self.undefined,
            "ci_undefined": None if known else self.span,
        }


@dataclass(frozen=True, eq=False)
class Design:
    """How both are drawn together: weights of units, from which each has its own.

    Without a resampler there are too many units to draw.
    """

    resampler: Resampler | None
    whole: tuple[SampleWeights, SampleWeights]
    split: Callable[[SampleWeights], tuple[SampleWeights, SampleWeights]]
    clustered: bool

    @classmethod
    def shared(cls, resampler: Resampler, *, clustered: bool) -> Design:
        """Both have the same units."""
        whole = resampler.whole()
        return cls(resampler, (whole, whole), lambda weights: (weights, weights), clustered)


def differences(
    first: Iterable[MetricSpec[Any]],
    second: Iterable[MetricSpec[Any]],
    design: Design,
    confidence: Confidence,
    progress: Progress,
    *,
    work: int | None = None,
) -> dict[MetricPath, Difference]:
    """The difference of every number that both have, with its interval.

    `work` is how many numbers a resample touches; else a weight for each unit and line of both.
    """
    others = {line.key: line for line in second}
    pairs = [(line, others[line.key]) for line in first if line.key in others]
    reasons = [_reason(*pair) for pair in pairs]
    known = [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    tests = _tests(known, design, confidence, progress, work)
    values = [_values([pair[side] for pair in known], design.whole[side]) for side in (0, 1)]
    complete = (
        Difference(a, b, None, test.span, test.p_value)
        for a, b, test in zip(*values, tests, strict=True)
    )
    return {
        one.key: next(complete) if reason is None else Difference(None, None, reason, reason)
        for (one, _), reason in zip(pairs, reasons, strict=True)
    }


SpecPair = tuple[MetricSpec[Any], MetricSpec[Any]]
"""One number of both."""


def _tests(
    pairs: Sequence[SpecPair],
    design: Design,
    confidence: Confidence,
    progress: Progress,
    work: int | None,
) -> list[PairedTest]:
    """By a formula where there is one, else by the bootstrap."""
    tests = [_formula(*pair, confidence, design.clustered) for pair in pairs]
    wanting = [pair for pair, test in zip(pairs, tests, strict=True) if test is None]
    spans = iter(_drawn(wanting, design, confidence, progress, work))
    return [PairedTest(next(spans)) if test is None else test for test in tests]


def _values(lines: Sequence[MetricSpec[Any]], whole: SampleWeights) -> list[float]:
    found: list[float] = statistics(lines)(whole)[0].tolist() if lines else []
    return found


def _drawn(
    pairs: Sequence[SpecPair],
    design: Design,
    confidence: Confidence,
    progress: Progress,
    work: int | None,
) -> list[IntervalOrReason]:
    resampler = design.resampler
    if not pairs or resampler is None:
        return ["too_many_rows"] * len(pairs)
    each = 2 * resampler.units * len(pairs) if work is None else work
    if each * confidence.resamples > MOST_WORK:
        return ["too_many_rows"] * len(pairs)
    of_first = statistics([one for one, _ in pairs])
    of_second = statistics([two for _, two in pairs])

    def of(weights: SampleWeights) -> NDArray[np.float64]:
        first, second = design.split(weights)
        return of_first(first) - of_second(second)

    return bootstrap(of, of(resampler.whole())[0], resampler, confidence, progress)


def _reason(one: MetricSpec[Any], two: MetricSpec[Any]) -> Reason | None:
    for line in (one, two):
        if not line.samples:
            return "absent_class"
        if line.reason is not None:
            return line.reason
    return None


def _formula(
    one: MetricSpec[Any], two: MetricSpec[Any], confidence: Confidence, clustered: bool
) -> PairedTest | None:
    """The test that needs no bootstrap, where there is one."""
    if confidence.method == "none":
        return PairedTest("not_requested")
    rankings = [*one.samples, *two.samples]
    plain = all(isinstance(r, Ranking) and r.drawn == r.n for r in rankings)
    if confidence.method != "auto" or clustered or one.name != "auroc" or len(rankings) != 2:
        return None
    return paired_delong(rankings[0], rankings[1], confidence.level) if plain else None


@dataclass(frozen=True, eq=False)
class Shared:
    """The ids that both have, sorted, where each stands in both, and those of one alone."""

    ids: tuple[str, ...]
    first: Codes
    second: Codes
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @classmethod
    def of(cls, first: Sequence[str] | None, second: Sequence[str] | None) -> Shared:
        """Raises `IncomparableRuns` where there are no ids, or none that both have."""
        if first is None or second is None:
            raise IncomparableRuns(
                "Runs are compared by the ids of their rows, and one has none; post rows with ids."
            )
        places = {name: place for place, name in enumerate(first)}
        others = {name: place for place, name in enumerate(second)}
        ids = sorted(places.keys() & others.keys())
        if not ids:
            raise IncomparableRuns(
                "The runs have no id in common; compare runs about one data set."
            )
        return cls(
            tuple(ids),
            np.array([places[name] for name in ids], np.int64),
            np.array([others[name] for name in ids], np.int64),
            tuple(sorted(places.keys() - others.keys())),
            tuple(sorted(others.keys() - places.keys())),
        )

    def json(self) -> dict[str, Any]:
        """How many there are, and the first of those that only one has."""
        return {
            "n": len(self.ids),
            "only_a": {"n": len(self.only_first), "ids": list(self.only_first[:_LISTED])},
            "only_b": {"n": len(self.only_second), "ids": list(self.only_second[:_LISTED])},
        }


def below(found: Mapping[MetricPath, Difference], prefix: MetricPath) -> dict[str, Any]:
    """The differences below `prefix` by the last part of their keys, as JSON."""
    depth = len(prefix)
    return {
        str(key[depth]): value.json()
        for key, value in found.items()
        if key[:depth] == prefix and len(key) == depth + 1
    }


def same_options(first: Any, second: Any, names: Sequence[str]) -> None:
    """Raises `IncomparableRuns` where options differ that give the numbers their meaning."""
    for name in names:
        a, b = getattr(first, name), getattr(second, name)
        if a != b:
            raise IncomparableRuns(
                f"The runs differ in `{name}`: {a!r} and {b!r}, so that their numbers do not mean "
                "the same.",
                errors=[{"location": name, "expected": a, "received": b}],
            )
