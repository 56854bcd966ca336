"""Two sets of predictions about the same things: how much their numbers differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import IncomparableRuns
from brightfield.images.picture import Note
from brightfield.metrics.counted.paired_auroc import PairedTest, paired_delong
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.reports.paired_design import Design, paired_spans
from brightfield.metrics.reports.paired_tests import (
    PairedTestName,
    SpecPair,
    exchange_tests,
    mcnemar,
)
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Interval, IntervalOrReason, Reason
from brightfield.metrics.statistics.family import (
    MetricPath,
    MetricSpec,
    SharedUnits,
    statistics,
)
from brightfield.metrics.statistics.resampling import Codes, SampleWeights
from brightfield.metrics.statistics.student import StudentTest
from brightfield.progress import Progress

_LISTED = 100  # ids of one run alone that are named
_CONVENTIONS: Mapping[str, Any] = {
    "difference": "a minus b, over the ids that both runs have complete rows of; of a mean of "
    "cases over those that have a value in both runs; lacking_a and lacking_b name the others",
    "p_value": "two-sided, by `test`: delong; mcnemar, exact, from the rows that one run alone has "
    "right; exchange: units (rows, cases, images or whole groups) are exchanged between the runs, "
    "and the share of exchanges with at least this difference counts; scores that give an order "
    "are exchanged by their ranks; t: Student's, with fewer than 7 units, whose exchanges are "
    "never rare, and for the calibration slope and intercept",
    "operating_point": "each run's own, found on the shared rows",
}
_INTERVALS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "auto": {
        "delong": "auroc of rows without groups",
        "t": "other numbers: difference -+ Student's t times the standard error, by leaving out "
        "the same rows, cases, images or whole groups in both runs (jackknife, at most 200 parts), "
        "or by the counts of both with one more row spread over the cells (delta method)",
    },
}
_DRAWN = {"bootstrap": "each resample is drawn once and counted in both runs"}


def comparison_conventions(confidence: Confidence) -> dict[str, Any]:
    """How the differences, their intervals and p-values were found."""
    intervals = _INTERVALS.get(confidence.method, _DRAWN)
    return {**_CONVENTIONS, **intervals, "ci": confidence.model_dump()}


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


def differences(
    first: Iterable[MetricSpec[Any]],
    second: Iterable[MetricSpec[Any]],
    design: Design,
    confidence: Confidence,
    progress: Progress,
) -> dict[MetricPath, Difference]:
    """The difference of every number that both have, with its interval."""
    others = {line.key: line for line in second}
    pairs = [line.family.paired(line, others[line.key]) for line in first if line.key in others]
    reasons = [_reason(pair.first, pair.second) for pair in pairs]
    known = [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    specs = [(pair.first, pair.second) for pair in known]
    values = [_values([pair[side] for pair in specs], design.whole[side]) for side in (0, 1)]
    tests = _tests(specs, values, design, confidence, progress)
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


def _tests(
    pairs: Sequence[SpecPair],
    values: Sequence[Sequence[float]],
    design: Design,
    confidence: Confidence,
    progress: Progress,
) -> list[Difference]:
    """By a formula where there is one, else by Student's t or resamples, and by exchanges."""
    plain = [Difference(a, b) for a, b in zip(*values, strict=True)]
    if confidence.method == "none":
        return plain
    formulas = [_formula(*pair, confidence, design.clustered) for pair in pairs]
    wanting = [pair for pair, found in zip(pairs, formulas, strict=True) if found is None]
    spans = iter(paired_spans(wanting, design, confidence, progress))
    sides = zip(plain, formulas, strict=True)
    gaps = np.array([each.first - each.second for each, found in sides if found is None])  # type: ignore[operator]
    chances = iter(_chances(wanting, gaps, design, confidence, progress))
    return [
        _by_formula(each, found)
        if found is not None
        else _counted(each, pair, next(spans), next(chances), design)
        for each, pair, found in zip(plain, pairs, formulas, strict=True)
    ]


def _by_formula(each: Difference, found: PairedTest) -> Difference:
    test: PairedTestName | None = None if found.p_value is None else "delong"
    return replace(each, span=found.span, p_value=found.p_value, test=test)


def _counted(
    each: Difference, pair: SpecPair, found: StudentTest, chance: float | None, design: Design
) -> Difference:
    """With the exact test where rows are counted, else with that of exchanges; Student's where
    there are too few units to exchange, or too many."""
    each = replace(each, span=found.span)
    discordant = None if design.clustered else design.discordant(pair[0])
    if discordant is not None:
        chance = mcnemar(*discordant)
        return replace(each, p_value=chance, test="mcnemar", discordant=discordant)
    if found.p_value is not None and (chance is None or design.few):
        return replace(each, p_value=found.p_value, test="t")
    return replace(each, p_value=chance, test=None if chance is None else "exchange")


def _chances(
    pairs: Sequence[SpecPair],
    gaps: NDArray[np.float64],
    design: Design,
    confidence: Confidence,
    progress: Progress,
) -> list[float | None]:
    """By exchanges, where these are quick."""
    found: list[float | None] = [None] * len(pairs)
    joined = design.exchange is not None and design.exchange.joined
    places = [
        place
        for place, (one, two) in enumerate(pairs)
        # Of runs that call different classes something, samples of one class can't be joined.
        if one.family.exchanged and not (joined and len(one.samples) != len(two.samples))
    ]
    if design.exchange is not None:
        chosen = [pairs[place] for place in places]
        tests = exchange_tests(chosen, gaps[places], design.exchange, confidence, progress)
        for place, chance in zip(places, tests, strict=True):
            found[place] = chance
    return found


def _values(lines: Sequence[MetricSpec[Any]], whole: SampleWeights) -> list[float]:
    found: list[float] = statistics(lines)(whole)[0].tolist() if lines else []
    return found


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
        _told(key): (len(each.lacking_first), len(each.lacking_second))
        for key, each in found.items()
        if key[0] in ("metrics", "pooled") and (each.lacking_first or each.lacking_second)
    }
    if not own:
        return []
    shown = "; ".join(f"{name}: a lacks {a:,}, b lacks {b:,}" for name, (a, b) in own.items())
    return [
        Note(
            "cases_without_partner",
            "In some cases one run alone has a value, because a mask was missed, a class was found "
            "where there is none, or an image is identical to its reference; the difference is "
            f"over the others ({shown}). `lacking_a` and `lacking_b` name the cases; look at them "
            "before you call either run better.",
        )
    ]


def _told(key: MetricPath) -> str:
    return str(key[-1]) if key[0] == "metrics" else " ".join(map(str, key))


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
