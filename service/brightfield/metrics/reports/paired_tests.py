"""p-values of differences between two runs about the same things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.exchange import Exchange, Sides
from brightfield.metrics.statistics.family import MetricSpec, statistics
from brightfield.metrics.statistics.intervals import MOST_WORK
from brightfield.progress import Progress, Step

PairedTestName = Literal["delong", "mcnemar", "exchange", "t"]
SpecPair = tuple[MetricSpec[Any], MetricSpec[Any]]
"""One number of both runs."""

_BLOCK = 131_072
# Differences that are equal but for rounding are equal.
_EQUAL = 1e-12


def mcnemar(first: int, second: int) -> float:
    """The two-sided p-value of as many rows that the first run alone has right as that the second
    alone has: exact, by the binomial with p = 1/2. Source: McNemar, "Note on the sampling error of
    the difference between correlated proportions or percentages", Psychometrika 12, 1947."""
    from scipy.stats import binomtest  # large, and slow to import

    return float(binomtest(first, first + second).pvalue) if first + second else 1.0


def exchange_tests(
    pairs: Sequence[SpecPair],
    values: NDArray[np.float64],
    exchange: Exchange,
    confidence: Confidence,
    progress: Progress,
) -> list[float | None]:
    """The two-sided p-value of each difference in (m,) `values`: the share of exchanges whose
    difference is at least as large.

    Each unit is exchanged between the runs or not, with probability 1/2: if neither is better, all
    these are equally likely. With up to 11 units all 2^units are seen; else as many are drawn as
    there are resamples, and p = (1 + as large) / (1 + drawn). None where that takes too long.
    Source: Ernst, "Permutation methods: a basis for exact inference", Statistical Science 19, 2004.
    """
    work = 4 * exchange.width * len(pairs) * confidence.resamples
    if not pairs or work > MOST_WORK:
        return [None] * len(pairs)
    lines = [_lines(pairs, side, exchange.joined) for side in (0, 1)]
    of_first, of_second = statistics(lines[0]), statistics(lines[1])
    least = np.abs(values) * (1 - _EQUAL) - _EQUAL

    def as_large(sides: Sides) -> NDArray[np.float64]:
        differences = of_first(sides[0]) - of_second(sides[1])
        # One that is not defined is no evidence.
        return np.asarray((~(np.abs(differences) < least)).sum(axis=0), np.float64)

    every = exchange.every()
    if every is not None:
        return [float(p) for p in as_large(every) / len(every[0])]
    rng, count = np.random.default_rng(confidence.seed), confidence.resamples
    size, found = max(1, _BLOCK // max(1, exchange.width)), np.zeros(len(pairs))
    for start in range(0, count, size):
        progress(Step(start, count))
        found += as_large(exchange.drawn(rng, min(size, count - start)))
    return [float(p) for p in (1 + found) / (1 + count)]


def _lines(pairs: Sequence[SpecPair], side: int, joined: bool) -> list[MetricSpec[Any]]:
    """The lines of one run, or of both runs' samples one after the other."""
    if not joined:
        return [pair[side] for pair in pairs]
    known: dict[tuple[int, int], Any] = {}

    def both(one: Any, two: Any) -> Any:
        key = id(one), id(two)
        if key not in known:
            known[key] = one.followed_by(two)
        return known[key]

    return [
        replace(
            one, samples=tuple(both(*own) for own in zip(one.samples, two.samples, strict=True))
        )
        for one, two in pairs
    ]
