from __future__ import annotations

import numpy as np
import pytest

from brightfield.metrics.counted.panoptic import THRESHOLDS, Matches


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
    matches = Matches.of(truth, found)
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
    assert (Matches.of(two, one).merges, Matches.of(two, one).splits) == (1, 0)
    assert (Matches.of(one, two).merges, Matches.of(one, two).splits) == (0, 1)


def test_exactly_half_is_no_more_than_half():
    four, half = np.array([[1, 1, 0, 2, 2]]), np.array([[0, 7, 7, 7, 0]])
    assert Matches.of(four, half).merges == 0
    assert Matches.of(half, four).splits == 0


def test_nothing_on_either_side():
    nothing, something = np.zeros((3, 3), int), np.eye(3, dtype=int)
    assert Matches.of(nothing, nothing).either == 0
    assert Matches.of(nothing, something).either == 1
    assert Matches.of(something, nothing).matched(0.5) == 0


def test_an_iou_at_the_threshold_is_no_match():
    truth, found = np.array([[1, 1, 1, 0]]), np.array([[0, 1, 1, 1]])
    matches = Matches.of(truth, found)
    assert (matches.hits, matches.quality) == ((0,) * len(THRESHOLDS), 0)
    matches = Matches.of(truth, np.array([[1, 1, 0, 0]]))
    assert [matches.matched(t) for t in (0.5, 0.65, 0.7)] == [1, 1, 0]
