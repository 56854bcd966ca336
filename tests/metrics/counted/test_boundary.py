from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from brightfield.metrics.counted.boundary import boundary_overlap


def lumps(seed, shape):
    rng = np.random.default_rng(seed)
    small = rng.random([-(-size // 4) for size in shape]) < 0.5
    return np.kron(small, np.ones((4,) * len(shape), bool))[tuple(map(slice, shape))]


def edge(mask, spacing, width):
    """Pixels within `width` of any pixel without the mask, around the image as well."""
    padded = np.pad(mask, 1)
    inside, outside = np.argwhere(padded), np.argwhere(~padded)
    near = cdist(inside * spacing, outside * spacing).min(axis=1) <= width
    found = np.zeros_like(padded)
    found[tuple(inside[near].T)] = True
    return found[(slice(1, -1),) * mask.ndim]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shape", "spacing"), [((22, 17), (1, 1)), ((22, 17), (0.5, 2)), ((8, 9, 11), (2, 0.7, 0.7))]
)
@pytest.mark.parametrize("width", [1, 2.5, 50])
def test_against_all_pairs_of_pixels(seed, shape, spacing, width):
    truth, prediction = lumps(seed, shape), lumps(seed + 50, shape)
    one, two = (edge(mask, spacing, width) for mask in (truth, prediction))
    found = boundary_overlap(truth, prediction, spacing, width, None)
    assert found == ((one & two).sum(), (one | two).sum())


def test_a_wide_edge_is_the_whole_mask_and_nothing_has_none():
    mask, nothing = lumps(1, (20, 20)), np.zeros((20, 20), bool)
    assert boundary_overlap(mask, mask, (1, 1), 99, None) == (mask.sum(), mask.sum())
    assert boundary_overlap(nothing, nothing, (1, 1), 2, None) == (0, 0)


def test_a_mask_does_not_end_at_void():
    mask, void = np.zeros((5, 12), bool), np.zeros((5, 12), bool)
    mask[:, 3:8], void[:, 8:] = True, True
    whole = np.zeros_like(mask)
    whole[:, 3:] = True
    expected = (edge(whole, (1, 1), 1) & mask).sum()
    assert boundary_overlap(mask, mask, (1, 1), 1, void) == (expected, expected)
