from __future__ import annotations

import pytest

from brightfield.metrics.statistics.wilson import wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17, 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_published_intervals(successes, n, low, high):
    found = wilson(successes, n, 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_ends_are_exact():
    assert wilson(0, 7, 0.99).low == 0
    assert wilson(7, 7, 0.99).high == 1
    with pytest.raises(ValueError, match="no proportion"):
        wilson(0, 0, 0.95)
