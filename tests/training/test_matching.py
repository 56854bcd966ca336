"""Matching objects: closed forms, and scikit-image's and SciPy's view of the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from skimage.metrics import adapted_rand_error, contingency_table
from skimage.morphology import disk

from training.matching import (
    THRESHOLDS,
    Counts,
    intersection_over_union,
    mask_iou,
    matched,
    mean_f1,
    pooled,
)


def random_labels(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of 8 x 8 pixels, and the same with shifted edges, gaps and additions."""
    random = np.random.default_rng(seed)
    true = np.kron(random.permutation(64).reshape(8, 8) * (random.random((8, 8)) < 0.7), disk(3))
    predicted = np.roll(true, random.integers(0, 3), axis=1)
    predicted[random.random(true.shape) < 0.15] = 0
    predicted[-6:, -6:] = 200
    return true, predicted


@pytest.mark.parametrize("seed", range(5))
def test_iou_agrees_with_masks_one_by_one(seed: int) -> None:
    true, predicted = random_labels(seed)
    rows, columns = np.unique(true[true > 0]), np.unique(predicted[predicted > 0])
    wanted = [
        [((true == a) & (predicted == b)).sum() / ((true == a) | (predicted == b)).sum()
         for b in columns]
        for a in rows
    ]  # fmt: skip
    np.testing.assert_allclose(intersection_over_union(true, predicted), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_overlaps_agree_with_scikit_image(seed: int) -> None:
    true, predicted = random_labels(seed)
    table = contingency_table(true, predicted).toarray()[1:, 1:]
    union = (
        np.bincount(true.ravel(), minlength=table.shape[0] + 1)[1:, None]
        + np.bincount(predicted.ravel(), minlength=table.shape[1] + 1)[None, 1:]
        - table
    )
    dense = table / np.maximum(union, 1)
    dense = dense[np.isin(np.arange(1, len(dense) + 1), true)]
    dense = dense[:, np.isin(np.arange(1, dense.shape[1] + 1), predicted)]
    np.testing.assert_allclose(intersection_over_union(true, predicted), dense)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_no_assignment_finds_more_matches(threshold: float) -> None:
    iou = intersection_over_union(*random_labels(7))
    rows, columns = linear_sum_assignment(-(iou > threshold).astype(float))
    assert matched(iou, threshold).true_positive == (iou[rows, columns] > threshold).sum()


def test_a_perfect_answer_is_perfect_whatever_the_numbers() -> None:
    true, _ = random_labels(3)
    renumbered = np.where(true > 0, 1000 - true, 0)
    iou = intersection_over_union(true, renumbered)
    assert mean_f1(iou) == 1.0
    assert adapted_rand_error(true, renumbered)[0] == 0.0


def test_counts_by_hand() -> None:
    true = np.zeros((10, 30), int)
    predicted = true.copy()
    true[:, 0:10], true[:, 10:20] = 1, 2
    predicted[:, 0:8], predicted[:, 10:15], predicted[:, 15:20], predicted[:, 25:] = 5, 6, 7, 8
    iou = intersection_over_union(true, predicted)
    np.testing.assert_allclose(iou, [[0.8, 0, 0, 0], [0, 0.5, 0.5, 0]])
    assert matched(iou, 0.5) == Counts(1, 3, 1)  # a half is not more than a half
    assert matched(iou, 0.5).f1 == pytest.approx(2 / 6)
    assert mean_f1(iou) == pytest.approx(2 / 6 * 6 / 10)  # 0.5 to 0.75 of ten thresholds


def test_nothing_on_either_side() -> None:
    nothing, one = np.zeros((4, 4), int), np.ones((4, 4), int)
    assert mean_f1(intersection_over_union(nothing, nothing)) == 1.0
    assert matched(intersection_over_union(nothing, one), 0.5) == Counts(0, 1, 0)
    assert matched(intersection_over_union(one, nothing), 0.5) == Counts(0, 0, 1)
    assert mask_iou(nothing > 0, nothing > 0) == 1.0


def test_pools_counts() -> None:
    assert pooled([Counts(1, 2, 3), Counts(10, 0, 5)]) == Counts(11, 2, 8)
    assert pooled([]).f1 == 1.0


def test_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(ValueError, match="shape"):
        intersection_over_union(np.zeros((2, 2), int), np.zeros((2, 3), int))
    with pytest.raises(ValueError, match=r"0\.5"):
        matched(np.zeros((1, 1)), 0.4)


def test_mask_iou_by_hand() -> None:
    true, predicted = np.zeros(10, bool), np.zeros(10, bool)
    true[:6], predicted[4:] = True, True
    assert mask_iou(true, predicted) == pytest.approx(2 / 10)
