"""Counts against numpy.histogram and numpy.unique."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.images.histogram import histogram

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int64"])
@pytest.mark.parametrize("bins", [7, 256])
def test_whole_numbers_fall_into_bins_of_a_whole_width(dtype: str, bins: int) -> None:
    info = np.iinfo(dtype)
    low, high = max(info.min, -(2**40)), min(info.max, 2**40)
    pixels = RNG.integers(low, high, (50, 40, 2), dtype=np.int64).astype(dtype)
    found = histogram(pixels, bins)
    assert found.start == pixels.min()
    assert found.step == int(found.step)
    count = found.counts.shape[1]
    assert count <= bins
    for c in range(2):
        place = (pixels[..., c].astype(np.int64) - int(found.start)) // int(found.step)
        np.testing.assert_array_equal(found.counts[c], np.bincount(place.ravel(), minlength=count))
        assert found.finite[c] == pixels[..., c].size


def test_floats_fall_into_numpys_bins_and_what_is_not_finite_into_none() -> None:
    pixels = RNG.normal(size=(60, 50, 1)).astype(np.float32)
    pixels[0, :3, 0] = [np.nan, np.inf, -np.inf]
    known = pixels[np.isfinite(pixels)].astype(float)
    counts, edges = np.histogram(known, 33, (known.min(), known.max()))
    found = histogram(pixels, 33)
    np.testing.assert_array_equal(found.counts[0], counts)
    assert (found.start, found.step) == pytest.approx((edges[0], edges[1] - edges[0]))
    assert found.finite[0] == known.size


def test_one_value_has_one_full_bin_and_no_value_has_none() -> None:
    one = histogram(np.full((4, 5, 1), 2.5, np.float32), 10)
    assert one.counts.sum() == one.counts[0, 0] == 20
    none = histogram(np.full((4, 5, 1), np.nan, np.float32), 10)
    assert none.counts.shape == (1, 0)
