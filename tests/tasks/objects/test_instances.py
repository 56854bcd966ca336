"""Objects from maps: drawn shapes whose answer is known, and scikit-image's and SciPy's labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from brightfield.cards import Instances
from brightfield.tasks.objects.instances import components, instances
from brightfield.tasks.objects.maps import Maps

RULES = Instances(smoothing=1.0, saddle=0.8)


def maps_of(truth: np.ndarray) -> Maps:
    """What a perfect network says of a label image."""
    distance = np.zeros(truth.shape, np.float32)
    for number in range(1, truth.max() + 1):
        own = ndimage.distance_transform_edt(np.pad(truth == number, 1))[1:-1, 1:-1]
        distance = np.where(truth == number, own / own.max(), distance)
    foreground = np.where(truth > 0, 0.9, 0.1)
    return np.stack([foreground, distance]).astype(np.float32)


def discs(shape: tuple[int, int], *circles: tuple[int, int, int]) -> np.ndarray:
    """Circles (row, column, radius), numbered in the order given; the first keep shared pixels."""
    rows, columns = np.indices(shape)
    truth = np.zeros(shape, np.int32)
    for number, (row, column, radius) in enumerate(circles, 1):
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        truth[inside & (truth == 0)] = number
    return truth


def agree(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of pixels that have their label, both images numbered in reading order."""
    return float(np.mean(found == relabel_sequential(truth)[0]))


def test_touching_discs_are_told_apart() -> None:
    truth = discs((60, 100), (28, 25, 16), (30, 56, 16), (32, 82, 12))
    assert label(truth > 0).max() == 1  # one blob to anyone who looks at the mask alone
    found, scores = instances(maps_of(truth), RULES, threshold=0.5)
    assert found.max() == 3
    assert agree(found, truth) > 0.99
    np.testing.assert_allclose(scores, 0.9, atol=1e-6)


def test_discs_of_any_size_are_told_apart() -> None:
    truth = discs((90, 90), (40, 40, 30), (40, 74, 4), (75, 40, 5), (10, 10, 3))
    found, _ = instances(maps_of(truth), RULES, threshold=0.5)
    assert found.max() == 4


def test_a_long_object_with_an_uneven_ridge_stays_one() -> None:
    truth = np.zeros((30, 90), np.int32)
    truth[10:21, 5:85] = 1
    maps = maps_of(truth)
    maps[1] *= 1 - 0.15 * np.sin(np.arange(90) / 4).astype(np.float32) ** 2
    assert instances(maps, RULES, threshold=0.5)[0].max() == 1
    strict = RULES.model_copy(update={"saddle": 0.95})
    assert instances(maps, strict, threshold=0.5)[0].max() > 1


def test_a_ring_keeps_its_hole() -> None:
    truth = discs((40, 40), (20, 20, 15)) - discs((40, 40), (20, 20, 6))
    found, _ = instances(maps_of(truth), RULES, threshold=0.5)
    np.testing.assert_array_equal(found, truth)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 5), (64, 3)])
def test_all_foreground_is_one_object_and_none_is_none(shape: tuple[int, int]) -> None:
    maps = np.zeros((2, *shape), np.float32)
    nothing, scores = instances(maps, RULES, threshold=0.5)
    assert (nothing.shape, nothing.max(), scores.shape) == (shape, 0, (0,))
    maps[0] = 0.75
    everything, scores = instances(maps, RULES, threshold=0.5)
    assert (everything == 1).all()
    assert scores.tolist() == [0.75]


def test_one_pixel_is_an_object() -> None:
    maps = np.zeros((2, 9, 9), np.float32)
    maps[:, 4, 6] = 0.6, 0.2
    found, scores = instances(maps, RULES, threshold=0.6)
    assert np.argwhere(found).tolist() == [[4, 6]]
    np.testing.assert_allclose(scores, [0.6], atol=1e-6)


def test_objects_are_numbered_in_reading_order() -> None:
    truth = discs((50, 120), (35, 20, 9), (14, 60, 12), (30, 100, 14))
    found, _ = instances(maps_of(truth), RULES, threshold=0.5)
    firsts = [np.flatnonzero(found == number)[0] for number in range(1, found.max() + 1)]
    assert firsts == sorted(firsts)
    assert found[14, 60] == 1


def test_noise_is_dealt_out_completely_and_alike_each_time() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 80, 70)).astype(np.float32)
    before = noise.copy()
    found, scores = instances(noise, RULES, threshold=0.3)
    again, _ = instances(noise, RULES, threshold=0.3)
    np.testing.assert_array_equal(found, again)
    np.testing.assert_array_equal(noise, before)
    np.testing.assert_array_equal(found > 0, noise[0] >= np.float32(0.3))
    assert set(np.unique(found)) == set(range(len(scores) + 1))
    for number in range(1, len(scores) + 1):
        assert label(found == number, connectivity=2).max() == 1


def test_a_transposed_field_has_the_transposed_objects() -> None:
    truth = discs((70, 70), (20, 20, 12), (40, 26, 11), (36, 48, 10), (58, 58, 9))
    found, _ = instances(maps_of(truth), RULES, threshold=0.5)
    turned, _ = instances(maps_of(truth.T), RULES, threshold=0.5)
    pairs = np.unique(np.stack([found.ravel(), turned.T.ravel()]), axis=1)
    assert pairs.shape[1] >= found.max() + 1
    assert found.max() == turned.max() == 4
    assert np.mean((found > 0) == (turned.T > 0)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_components_equal_scipy_class_by_class(seed: int) -> None:
    classes = np.random.default_rng(seed).integers(0, 4, (40, 50)).astype(np.int32)
    found, values = components(classes)
    count = 0
    for number in (1, 2, 3):
        own, parts = ndimage.label(classes == number, np.ones((3, 3)))
        count += parts
        mine = np.where(classes == number, found, 0)
        assert len(np.unique(np.stack([own, mine]).reshape(2, -1), axis=1).T) == parts + 1
        assert (values[np.unique(mine[mine > 0]) - 1] == number).all()
    assert len(values) == found.max() == count
    firsts = [np.flatnonzero(found == number)[0] for number in range(1, count + 1)]
    assert firsts == sorted(firsts)


def test_components_of_nothing() -> None:
    found, values = components(np.zeros((3, 4), np.int32))
    assert found.tolist() == [[0] * 4] * 3
    assert values.size == 0
