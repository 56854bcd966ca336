from __future__ import annotations

import math

import numpy as np
import pytest

from brightfield.explain.shapley.coalitions import least_samples, planned


def kernel(regions: int, size: int) -> float:
    """Lundberg and Lee's weight of one coalition, not normalised."""
    return (regions - 1) / (math.comb(regions, size) * size * (regions - size))


def test_few_regions_have_all_coalitions_by_the_kernel() -> None:
    plan = planned(5, 32, 0)
    assert plan.exact
    assert len(np.unique(plan.members, axis=0)) == len(plan.members) == 30
    wanted = np.array([kernel(5, int(size)) for size in plan.members.sum(axis=1)])
    np.testing.assert_allclose(plan.weights, wanted / wanted.sum())


@pytest.mark.parametrize(("regions", "samples"), [(6, 50), (16, 1024), (64, 600), (7, 30)])
def test_of_many_the_outer_sizes_are_whole_and_the_rest_is_drawn(
    regions: int, samples: int
) -> None:
    plan = planned(regions, samples, 3)
    assert not plan.exact
    assert len(plan.members) <= samples - 2
    assert len(np.unique(plan.members, axis=0)) == len(plan.members)
    sizes = plan.members.sum(axis=1)
    assert sizes.min() >= 1 and sizes.max() <= regions - 1
    assert (sizes == 1).sum() == (sizes == regions - 1).sum() == regions
    assert plan.weights.sum() == pytest.approx(1)
    # A pair is a coalition and its complement, and each weighs what it was drawn for.
    first, second = (plan.members[plan.pairs[:, side]] for side in (0, 1))
    np.testing.assert_array_equal(first, ~second)
    drawn = np.bincount(plan.pairs.ravel(), minlength=len(plan.members))
    each = plan.drawn_weight / plan.pairs.size
    np.testing.assert_allclose(plan.weights[drawn > 0], each * drawn[drawn > 0])
    total = sum(kernel(regions, size) * math.comb(regions, size) for size in range(1, regions))
    whole = drawn == 0
    np.testing.assert_allclose(
        plan.weights[whole], [kernel(regions, int(size)) / total for size in sizes[whole]]
    )


def test_drawn_sizes_follow_the_kernel() -> None:
    plan = planned(40, 20_000, 1)
    sizes = plan.members[plan.pairs.ravel()].sum(axis=1)
    least = int(sizes.min())
    inner = np.arange(least, 40 - least + 1)
    wanted = 1 / (inner * (40.0 - inner))
    seen = np.bincount(sizes, minlength=41)[inner] / len(sizes)
    np.testing.assert_allclose(seen, wanted / wanted.sum(), atol=0.01)


def test_a_seed_gives_its_coalitions() -> None:
    one, again, other = (planned(20, 300, seed).members for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_one_region_needs_no_coalition() -> None:
    plan = planned(1, 2, 0)
    assert plan.exact and plan.members.shape == (0, 1)
    assert [least_samples(regions) for regions in (1, 2, 3, 4, 5, 64)] == [2, 4, 8, 16, 22, 258]
