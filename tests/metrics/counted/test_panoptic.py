from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from brightfield.images.rle import encode
from brightfield.metrics.counted.object_overlaps import ObjectOverlaps
from brightfield.metrics.counted.panoptic import THRESHOLDS, Matches
from brightfield.metrics.reading.masks import ReadMask


def matches_of(truth, found, void=None):
    return Matches.of(ObjectOverlaps.of(ReadMask(truth), ReadMask(found), void))


def of_lists(true, found, void=None):
    """Objects that may lie over one another, each a mask of its own."""
    sides = [
        ReadMask(np.any(objects, axis=0).astype(int), tuple(map(encode, objects)))
        for objects in (true, found)
    ]
    return Matches.of(ObjectOverlaps.of(*sides, void))


def fields(seed):
    """Two label images with gaps in their labels, of which the second is a disturbed first."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 6, (6, 6)) * 3, np.ones((5, 5), int))
    found = np.roll(truth, rng.integers(0, 3, 2), (0, 1))
    found[rng.random(found.shape) < 0.15] = 40
    return truth, found


@pytest.mark.parametrize("seed", range(5))
def test_against_comparing_every_pair(seed):
    truth, found = fields(seed)
    matches = matches_of(truth, found)
    true, other = ([image == k for k in np.unique(image) if k] for image in (truth, found))
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in other] for a in true])
    assert (matches.true, matches.found) == iou.shape
    for threshold in THRESHOLDS:
        assert matches.matched(threshold) == (iou > threshold).sum()
    assert matches.quality == pytest.approx(iou[iou > 0.5].sum())
    held = np.array([[(a & b).sum() / a.sum() > 0.5 for b in other] for a in true])
    holds = np.array([[(a & b).sum() / b.sum() > 0.5 for b in other] for a in true])
    assert matches.merges == (held.sum(axis=0) > 1).sum()
    assert matches.splits == (holds.sum(axis=1) > 1).sum()


def test_a_merge_and_a_split():
    two = np.array([[1, 1, 0, 2, 2]])
    one = np.array([[7, 7, 7, 7, 7]])
    assert (matches_of(two, one).merges, matches_of(two, one).splits) == (1, 0)
    assert (matches_of(one, two).merges, matches_of(one, two).splits) == (0, 1)


def test_exactly_half_is_no_more_than_half():
    four, half = np.array([[1, 1, 0, 2, 2]]), np.array([[0, 7, 7, 7, 0]])
    assert matches_of(four, half).merges == 0
    assert matches_of(half, four).splits == 0


def test_nothing_on_either_side():
    nothing, something = np.zeros((3, 3), int), np.eye(3, dtype=int)
    assert matches_of(nothing, nothing).either == 0
    assert matches_of(nothing, something).either == 1
    assert matches_of(something, nothing).matched(0.5) == 0


def test_an_iou_at_the_threshold_is_no_match():
    truth, found = np.array([[1, 1, 1, 0]]), np.array([[0, 1, 1, 1]])
    matches = matches_of(truth, found)
    assert (matches.hits, matches.quality) == ((0,) * len(THRESHOLDS), 0)
    matches = matches_of(truth, np.array([[1, 1, 0, 0]]))
    assert [matches.matched(t) for t in (0.5, 0.65, 0.7)] == [1, 1, 0]


@pytest.mark.parametrize("seed", range(3))
def test_objects_one_by_one_are_those_of_the_label_image(seed):
    truth, found = fields(seed)
    sides = [[image == k for k in np.unique(image) if k] for image in (truth, found)]
    assert of_lists(*sides) == matches_of(truth, found)


def discs(seed, count):
    """Discs that lie over one another, some of them twice."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:40, :40]
    centres = rng.integers(8, 32, (count, 2)).tolist()
    made = [(rows - y) ** 2 + (columns - x) ** 2 < rng.integers(9, 50) for y, x in centres]
    return [*made, made[0]]


@pytest.mark.parametrize("seed", range(6))
def test_overlapping_objects_in_any_order_against_assignment(seed):
    true = discs(seed, 9)
    found = [np.roll(each, 1, axis=0) for each in true[:7]] + discs(seed + 50, 3)
    matches = of_lists(true, found)
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in found] for a in true])
    for threshold in THRESHOLDS:
        worth = np.where(iou > threshold, 100 + iou, 0)
        pairs = linear_sum_assignment(-worth)
        hits = worth[pairs] > 0
        assert matches.matched(threshold) == hits.sum()
        if threshold == 0.5:
            assert matches.quality == pytest.approx(iou[pairs][hits].sum())
    order = np.random.default_rng(seed).permutation(len(true))
    turned = of_lists([true[place] for place in order], found[::-1])
    assert turned.hits == matches.hits
    assert turned.quality == pytest.approx(matches.quality)
    assert of_lists(true, true[::-1]).matched(0.95) == len(true)


@pytest.mark.parametrize("lists", [False, True])
def test_void_pixels_as_panoptic_quality_has_them(lists):
    void = np.zeros((6, 12), bool)
    void[:, 6:] = True
    truth, found = np.zeros((6, 12), int), np.zeros((6, 12), int)
    truth[1:5, 1:6] = 1
    found[1:5, 1:9] = 4  # 20 pixels of the object and 12 of void: IoU 1
    found[0, 6:] = 5  # void alone: not judged
    found[5, 4:8] = 6  # half in void, not more: a false one
    if lists:
        matches = of_lists([truth == 1], [found == k for k in (4, 5, 6)], void)
    else:
        matches = matches_of(truth, found, void)
    assert (matches.true, matches.found, matches.matched(0.95)) == (1, 2, 1)
    assert matches.quality == 1
