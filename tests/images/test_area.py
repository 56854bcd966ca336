"""Means where pixels become fewer, repeated pixels where they become more."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from brightfield.images.area import at_size


def _shares(length: int, wanted: int) -> np.ndarray:
    """(wanted, length): which share of a mean each pixel has, from the overlap of intervals."""
    edges = np.arange(length + 1)
    wide = np.linspace(0, length, wanted + 1)
    low = np.maximum(wide[:-1, None], edges[None, :-1])
    high = np.minimum(wide[1:, None], edges[None, 1:])
    return scipy.sparse.csr_matrix(np.clip(high - low, 0, None) * wanted / length).toarray()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float64"])
@pytest.mark.parametrize("size", [(10, 9), (7, 5), (1, 1), (30, 11)])
def test_fewer_pixels_are_means_over_the_parts_they_stand_for(
    dtype: str, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (30, 27, 2)).astype(dtype)
    wanted = np.einsum(
        "hy,yxc,wx->hwc", _shares(30, size[0]), pixels.astype(float), _shares(27, size[1])
    )
    np.testing.assert_allclose(at_size(pixels, *size), wanted, rtol=2e-6)


def test_more_pixels_repeat_those_that_there_are() -> None:
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3, 1)
    shown = at_size(pixels, 8, 12)
    assert shown.dtype == np.uint16
    np.testing.assert_array_equal(shown[..., 0], np.kron(pixels[..., 0], np.ones((4, 4))))
