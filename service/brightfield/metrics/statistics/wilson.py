"""The score interval of a proportion."""

from __future__ import annotations

import math
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
