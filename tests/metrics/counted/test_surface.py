from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from brightfield.metrics.counted.surface import LoneOutline, Surfaces, surfaces


def blob(seed, shape):
    """Random lumps, some of them at the border."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape)
    mask = np.zeros(shape, bool)
    for _ in range(3):
        centre = [rng.uniform(0, size) for size in shape]
        distance = sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True))
        mask |= distance < rng.uniform(4, 30)
    return mask


def outline(mask):
    """Pixels with a neighbour along an axis outside the mask, where the border is outside."""
    padded = np.pad(mask, 1)
    inner = np.ones(mask.shape, bool)
    for axis in range(mask.ndim):
        for shift in (-1, 1):
            moved = np.roll(padded, shift, axis)
            inner &= moved[(slice(1, -1),) * mask.ndim]
    return np.argwhere(mask & ~inner)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("shape", "spacing"), [((24, 31), (1, 1)), ((24, 31), (0.5, 2)), ((9, 12, 11), (2, 0.7, 0.7))]
)
def test_against_all_pairs(seed, shape, spacing):
    truth, prediction = blob(seed, shape), blob(seed + 100, shape)
    found = surfaces(truth, prediction, spacing)
    assert isinstance(found, Surfaces)
    pairs = cdist(outline(truth) * spacing, outline(prediction) * spacing)
    forth, back = pairs.min(axis=1), pairs.min(axis=0)
    for percent in (50, 95, 99.5):
        worst = max(np.percentile(forth, percent), np.percentile(back, percent))
        assert found.hausdorff(percent) == pytest.approx(worst, abs=1e-9)
    both = np.concatenate([forth, back])
    assert (found.total / found.count, found.count) == pytest.approx((both.mean(), both.size))
    for tolerance in (0, 1.3, 2):
        assert found.within(tolerance) == (both <= tolerance + 1e-12).sum()
    if spacing == (1, 1):
        assert found.hausdorff(100) == pytest.approx(hausdorff_distance(truth, prediction))


def test_empty_masks_have_reasons():
    full, empty = np.ones((3, 4), bool), np.zeros((3, 4), bool)
    assert surfaces(full, empty, (1, 1)) == LoneOutline("empty_prediction", 10)
    assert surfaces(empty, full, (1, 1)) == LoneOutline("empty_truth", 10)
    assert surfaces(empty, empty, (1, 1)) == LoneOutline("both_empty", 0)


def test_an_outline_does_not_end_at_void():
    truth, prediction = np.zeros((9, 20), bool), np.zeros((9, 20), bool)
    void = np.zeros_like(truth)
    truth[2:7, 4:12], prediction[2:7, 6:12], void[:, 12:] = True, True, True
    found = surfaces(truth, prediction, (1, 1), void)
    # Upper, left and lower side; the right one meets what nobody labelled.
    assert (found.forth.size, found.back.size) == (8 + 8 + 3, 6 + 6 + 3)
    assert found.back.max() == 2
