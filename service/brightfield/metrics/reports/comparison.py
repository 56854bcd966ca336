"""Two sets of predictions about the same things: how much their numbers differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import IncomparableRuns
from brightfield.images.picture import Note
from brightfield.metrics.counted.paired_auroc import PairedTest, paired_delong
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.reports.paired_tests import (
    PairedTestName,
    SpecPair,
    exchange_tests,
    mcnemar,
)
from brightfield.metrics.statistics.bootstrap import bootstrap
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason, Reason
from brightfield.metrics.statistics.exchange import Exchange, UnitExchange
from brightfield.metrics.statistics.family import (
    MOST_WORK,
    MetricPath,
    MetricSpec,
    SharedUnits,
    statistics,
)
from brightfield.metrics.statistics.resampling import Codes, Resampler, SampleWeights
from brightfield.progress import Progress

_LISTED = 100  # ids of one run alone that are named
CONVENTIONS: Mapping[str, Any] = {
    "difference": "a minus b, over the ids that both runs have complete rows of; of a mean of "
    "cases over those that have a value in both runs; lacking_a and lacking_b name the others",
    "p_value": "two-sided, by `test`: delong; mcnemar, exact, from the rows that one run alone has "
    "right; exchange: units (rows, cases, images or whole groups) are exchanged between the runs, "
    "and the share of exchanges with at least this difference counts; scores that give an order "
    "are exchanged by their ranks",
    "bootstrap": "each resample is drawn once and counted in both runs; percentile or bca of the "
    "differences",
    "operating_point": "each run's own, found on the shared rows",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A number of both, and the interval of their difference, or why there is none.

    It is over `n` units; of others one run alone has a value, and the other is `lacking` it, as
    places among the shared ids. `discordant` are how many rows the one and the other alone has
    right.
    """

    first: float | None
    second: float | None
    undefined: Reason | None = None
    span: IntervalOrReason = "not_requested"
    p_value: float | None = None
    test: PairedTestName | None = None
    n: int = 0
    lacking_first: Sequence[int] = ()
    lacking_second: Sequence[int] = ()
    discordant: tuple[int, int] | None = None

    def json(self, ids: Sequence[str]) -> dict[str, Any]:
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
            "test": self.test,
            "discordant": None if self.discordant is None else list(self.discordant),
            "n": self.n,
            "lacking_a": _named(self.lacking_first, ids),
            "lacking_b": _named(self.lacking_second, ids),
            "undefined": self.undefined,
            "ci_undefined": None if known else self.span,
        }


def _named(places: Sequence[int], ids: Sequence[str]) -> dict[str, Any]:
    return {"n": len(places), "ids": [ids[place] for place in places[:_LISTED]]}


@dataclass(frozen=True, eq=False)
class Design:
    """How both are drawn together: weights of units, from which each has its own.

    Without a resampler there are too many units to draw.
    """

    resampler: Resampler | None
    whole: tuple[SampleWeights, SampleWeights]
    split: Callable[[SampleWeights], tuple[SampleWeights, SampleWeights]]
    clustered: bool
    exchange: Exchange | None
    discordant: Callable[[MetricSpec[Any]], tuple[int, int] | None] = lambda _: None
    """How many rows the one and the other alone has right, of a number that counts such."""

    @classmethod
    def shared(cls, resampler: Resampler, groups: Codes | None) -> Design:
        """Both have the same units, of which whole groups are drawn where there are such."""
        whole = resampler.whole()
        return cls(
            resampler,
            (whole, whole),
            lambda weights: (weights, weights),
            groups is not None,
            UnitExchange(resampler.units, groups),
        )


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
    pairs = [_paired(line, others[line.key]) for line in first if line.key in others]
    reasons = [_reason(pair.first, pair.second) for pair in pairs]
    known = [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    specs = [(pair.first, pair.second) for pair in known]
    values = [_values([pair[side] for pair in specs], design.whole[side]) for side in (0, 1)]
    tests = _tests(specs, values, design, confidence, progress, work)
    complete = (
        replace(found, n=pair.first.size, **_lacking(pair))
        for found, pair in zip(tests, known, strict=True)
    )
    return {
        pair.first.key: next(complete)
        if reason is None
        else Difference(None, None, reason, reason, **_lacking(pair))
        for pair, reason in zip(pairs, reasons, strict=True)
    }


def _lacking(pair: SharedUnits[MetricSpec[Any]]) -> dict[str, Any]:
    return {"lacking_first": pair.lacking_first, "lacking_second": pair.lacking_second}


def _paired(one: MetricSpec[Any], two: MetricSpec[Any]) -> SharedUnits[MetricSpec[Any]]:
    """One number of both, of samples that are compared; a mean of classes is of its own."""
    if len(one.samples) != 1 or len(two.samples) != 1:
        return SharedUnits(one, two)
    found = one.family.paired(one.samples[0], two.samples[0])
    return SharedUnits(
        replace(one, samples=(found.first,)),
        replace(two, samples=(found.second,)),
        found.lacking_first,
        found.lacking_second,
    )


def _tests(
    pairs: Sequence[SpecPair],
    values: Sequence[Sequence[float]],
    design: Design,
    confidence: Confidence,
    progress: Progress,
    work: int | None,
) -> list[Difference]:
    """By a formula where there is one, else by bootstrap and exchange."""
    plain = [Difference(a, b) for a, b in zip(*values, strict=True)]
    if confidence.method == "none":
        return plain
    formulas = [_formula(*pair, confidence, design.clustered) for pair in pairs]
    wanting = [pair for pair, found in zip(pairs, formulas, strict=True) if found is None]
    spans = iter(_drawn(wanting, design, confidence, progress, work))
    sides = zip(plain, formulas, strict=True)
    gaps = np.array([each.first - each.second for each, found in sides if found is None])  # type: ignore[operator]
    chances = iter(_chances(wanting, gaps, design, confidence, progress))
    return [
        _by_formula(each, found)
        if found is not None
        else _counted(replace(each, span=next(spans)), pair, next(chances), design)
        for each, pair, found in zip(plain, pairs, formulas, strict=True)
    ]


def _by_formula(each: Difference, found: PairedTest) -> Difference:
    test: PairedTestName | None = None if found.p_value is None else "delong"
    return replace(each, span=found.span, p_value=found.p_value, test=test)


def _counted(each: Difference, pair: SpecPair, chance: float | None, design: Design) -> Difference:
    """With the exact test where rows are counted, else with that of exchanges."""
    discordant = None if design.clustered else design.discordant(pair[0])
    if discordant is not None:
        chance = mcnemar(*discordant)
        return replace(each, p_value=chance, test="mcnemar", discordant=discordant)
    return replace(each, p_value=chance, test=None if chance is None else "exchange")


def _chances(
    pairs: Sequence[SpecPair],
    gaps: NDArray[np.float64],
    design: Design,
    confidence: Confidence,
    progress: Progress,
) -> list[float | None]:
    if design.exchange is None:
        return [None] * len(pairs)
    return exchange_tests(pairs, gaps, design.exchange, confidence, progress)


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


def below(
    found: Mapping[MetricPath, Difference], prefix: MetricPath, ids: Sequence[str]
) -> dict[str, Any]:
    """The differences below `prefix` by the last part of their keys, as JSON; `ids` are shared."""
    depth = len(prefix)
    return {
        str(key[depth]): value.json(ids)
        for key, value in found.items()
        if key[:depth] == prefix and len(key) == depth + 1
    }


def lacking(found: Mapping[MetricPath, Difference]) -> list[Note]:
    """Of means of cases in which one run has no value, so they are over fewer cases."""
    own = {
        str(key[-1]): (len(each.lacking_first), len(each.lacking_second))
        for key, each in found.items()
        if key[0] == "metrics" and (each.lacking_first or each.lacking_second)
    }
    if not own:
        return []
    shown = "; ".join(f"{name}: a lacks {a:,}, b lacks {b:,}" for name, (a, b) in own.items())
    return [
        Note(
            "cases_without_partner",
            "In some cases one run alone has a value, for example because it missed the mask; the "
            f"difference is over the others ({shown}). A run that lacks values may be the worse "
            "one: `lacking_a` and `lacking_b` name the cases.",
        )
    ]


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
