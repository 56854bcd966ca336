"""Targets of the nuclei network against closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import disk
from skimage.segmentation import expand_labels

from training.nuclei_targets import relative_distance, weights


def two_touching_blocks() -> np.ndarray:
    labels = np.zeros((20, 30), np.int32)
    labels[5:14, 4:11] = 1
    labels[5:14, 11:20] = 2
    return labels


def test_distance_is_one_in_the_middle_of_every_object() -> None:
    labels = np.zeros((80, 80), np.int32)
    labels[2:9, 2:9] = disk(3)
    labels[20:71, 20:71] = 2 * disk(25)
    distance = relative_distance(labels)
    assert distance[5, 5] == distance[45, 45] == 1
    assert (distance[labels == 0] == 0).all()
    assert (distance[labels > 0] > 0).all()


def test_distance_falls_to_the_edge_between_touching_objects() -> None:
    labels = two_touching_blocks()
    np.testing.assert_allclose(
        relative_distance(labels)[9, 4:11], np.array([1, 2, 3, 4, 3, 2, 1]) / 4
    )


def test_distance_agrees_with_scipy_object_by_object() -> None:
    seeds = np.zeros((60, 60), np.int32)
    seeds[tuple(np.random.default_rng(0).integers(8, 52, (2, 9)))] = np.arange(1, 10)
    labels = expand_labels(seeds, 9)
    wanted = np.zeros(labels.shape)
    for number in range(1, 10):
        own = ndimage.distance_transform_edt(labels == number)
        wanted = np.where(labels == number, own / own.max(), wanted)
    np.testing.assert_allclose(relative_distance(labels), wanted, atol=1e-5)


def test_an_object_that_fills_the_field_has_no_edge() -> None:
    assert (relative_distance(np.ones((7, 9), np.int32)) == 1).all()


def test_a_cut_object_rises_towards_the_cut() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[6:15, :5] = 1
    np.testing.assert_allclose(relative_distance(labels)[10, :5], [1.0, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize(("area", "weight"), [(1, 3.0), (75, 2.0), (300, 1.0), (1200, 1.0)])
def test_small_objects_weigh_more(area: int, weight: float) -> None:
    labels = np.zeros(2000, np.int32)
    labels[:area] = 1  # of rows of 50 pixels
    assert weights(labels.reshape(40, 50)).ravel()[0] == pytest.approx(weight)
    assert weights(labels.reshape(40, 50)).ravel()[-1] == 1


def test_around_an_object_every_pixel_weighs_as_the_object() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[9:11, 9:11] = 1
    heavy = np.zeros((20, 20), bool)
    heavy[6:14, 6:14] = True
    np.testing.assert_array_equal(weights(labels), np.where(heavy, 3, 1))
