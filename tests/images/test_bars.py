from __future__ import annotations

import numpy as np

from brightfield.images.bars import with_bars
from brightfield.palette import BLUE


def lengths(drawn: np.ndarray) -> list[int]:
    """How long each bar is, in pixels, from above."""
    rows = (drawn == BLUE).all(axis=2).sum(axis=1)
    return [int(n) for n in rows[np.flatnonzero(np.diff(rows, prepend=0) > 0)]]


def test_bars_are_as_long_as_the_scores():
    picture = np.full((40, 80, 3), 120, np.uint8)
    whole, half = lengths(with_bars(picture, [("a", 1.0), ("b" * 90, 0.5)]))
    assert abs(whole - 2 * half) <= 2
    # Scores above 1 share the scale of the largest; what isn't above 0 has no bar.
    assert len(lengths(with_bars(picture, [("a", 4.0), ("b", -1.0), ("c", float("nan"))]))) == 1
    assert with_bars(picture, []).shape[2] == 3
