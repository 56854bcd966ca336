"""The score interval of a proportion, and of what is made of proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from brightfield.metrics.statistics.estimate import Interval


def wilson(successes: int, n: int, level: float) -> Interval:
    """The interval of a proportion p = successes / n that the score test does not reject.

    With z the normal quantile of (1 + level) / 2:

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    It lies within [0, 1], is not empty at p = 0 or 1, and reaches 0 (or 1) only there. Raises
    `ValueError` unless 0 <= successes <= n and n > 0. Source: E. B. Wilson, "Probable inference,
    the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} of {n} is no proportion")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, scale = successes / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    # At the ends the two terms are equal but for their rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high, "wilson")


def mean_of_proportions(counts: Sequence[tuple[int, int]], level: float) -> Interval:
    """The interval of the mean m of k independent proportions p_i with Wilson's limits l_i, u_i:

        m - sqrt(sum (p_i - l_i)^2) / k      m + sqrt(sum (u_i - p_i)^2) / k

    From (successes, n) of each, n > 0. Source: Zou and Donner, "Construction of confidence limits
    about effect measures: a general approach", Statistics in Medicine 27, 2008 (MOVER).
    """
    shares = [successes / n for successes, n in counts]
    spans = [wilson(successes, n, level) for successes, n in counts]
    below = math.hypot(*(p - span.low for p, span in zip(shares, spans, strict=True)))
    above = math.hypot(*(span.high - p for p, span in zip(shares, spans, strict=True)))
    mean = math.fsum(shares) / len(shares)
    low, high = mean - below / len(shares), mean + above / len(shares)
    return Interval(max(0.0, low), min(1.0, high), "mover")


def wilson_f1(both: int, either: int, level: float) -> Interval:
    """Wilson's interval of j = both / either, as f1 = 2 j / (1 + j).

    Of the rows that are positive or predicted so, `either`, those that are both are a binomial
    number: true negatives tell nothing about F1. Source: Lam, "Confidence intervals for the F1
    score: a comparison of four methods", arXiv 2309.14621, 2023.
    """
    span = wilson(both, either, level)
    return Interval(2 * span.low / (1 + span.low), 2 * span.high / (1 + span.high), "wilson")
