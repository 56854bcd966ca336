from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from brightfield.images.rle import encode
from brightfield.metrics.counted.aggregated import AggregatedJaccard
from brightfield.metrics.counted.object_overlaps import ObjectOverlaps
from brightfield.metrics.reading.masks import ReadMask


def overlaps(truth, found, void=None):
    return ObjectOverlaps.of(ReadMask(truth), ReadMask(found), void)


def fields(seed):
    """Objects that are moved, cut and joined."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 20, (8, 8)), np.ones((5, 5), int))
    found = np.roll(truth, rng.integers(1, 4, 2), (0, 1))
    found[rng.random(found.shape) < 0.2] = 30
    found[found == 3] = 4
    return truth, found


def masks(image):
    return [image == label for label in np.unique(image) if label]


def published(true, found, pairs):
    """As the authors add up: intersections and unions of pairs, then what is left over."""
    shared = sum((true[i] & found[j]).sum() for i, j in pairs)
    either = sum((true[i] | found[j]).sum() for i, j in pairs)
    paired = ({i for i, _ in pairs}, {j for _, j in pairs})
    for side, used in zip((true, found), paired, strict=True):
        either += sum(mask.sum() for k, mask in enumerate(side) if k not in used)
    return AggregatedJaccard(shared, either)


@pytest.mark.parametrize("seed", range(8))
def test_against_the_published_algorithms(seed):
    truth, found = fields(seed)
    true, other = masks(truth), masks(found)
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in other] for a in true])
    nearest = [(i, row.argmax()) for i, row in enumerate(iou) if row.max() > 0]
    sides = overlaps(truth, found)
    assert AggregatedJaccard.nearest(sides) == published(true, other, nearest)
    chosen = [(i, j) for i, j in zip(*linear_sum_assignment(-iou), strict=True) if iou[i, j] > 0]
    assert AggregatedJaccard.one_to_one(sides) == published(true, other, chosen)
    lists = [ReadMask(np.minimum(m, 1), tuple(map(encode, masks(m)))) for m in (truth, found)]
    one_by_one = ObjectOverlaps.of(*lists, None)
    assert AggregatedJaccard.nearest(one_by_one) == AggregatedJaccard.nearest(sides)


def test_one_found_object_over_two_true_ones_counts_twice_or_once():
    sides = overlaps(np.array([[1, 1, 0, 2, 2, 2]]), np.array([[7, 7, 7, 7, 7, 7]]))
    assert AggregatedJaccard.nearest(sides) == AggregatedJaccard(5, 12)
    assert AggregatedJaccard.one_to_one(sides) == AggregatedJaccard(3, 8)


def test_void_counts_nowhere():
    void = np.array([[0, 0, 1, 1, 1, 1]], bool)
    sides = overlaps(np.array([[1, 1, 0, 0, 0, 0]]), np.array([[7, 7, 7, 0, 8, 8]]), void)
    assert AggregatedJaccard.nearest(sides) == AggregatedJaccard(2, 2)
