"""Against the definition: the mean, over all orders, of what a region adds to those before it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from brightfield.explain.shapley.coalitions import planned
from brightfield.explain.shapley.values import ShapleyValues, shapley_values

Floats = NDArray[np.float64]


class Game:
    """v(S) of two targets: weights of regions, of pairs, and of triples, from a seed."""

    def __init__(self, regions: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.regions = regions
        self.one = random.normal(size=(2, regions))
        self.two = random.normal(size=(2, regions, regions)) / regions
        self.three = random.normal(size=(2, regions, regions, regions)) / regions**2

    def __call__(self, members: NDArray[np.bool_]) -> Floats:
        """(m, 2)."""
        z = members.astype(np.float64)
        return (
            2.0
            + np.einsum("mi,ti->mt", z, self.one)
            + np.einsum("mi,mj,tij->mt", z, z, self.two)
            + np.einsum("mi,mj,mk,tijk->mt", z, z, z, self.three)
        )

    def by_orders(self) -> Floats:
        """(2, n)."""
        values, orders = np.zeros((2, self.regions)), 0
        for order in itertools.permutations(range(self.regions)):
            members = np.zeros((self.regions + 1, self.regions), np.bool_)
            for place, region in enumerate(order):
                members[place + 1 :, region] = True
            gains = np.diff(self(members), axis=0)
            for place, region in enumerate(order):
                values[:, region] += gains[place]
            orders += 1
        return values / orders

    def solved(self, samples: int, seed: int = 0) -> ShapleyValues:
        plan = planned(self.regions, samples, seed)
        ends = self(np.array([[False] * self.regions, [True] * self.regions]))
        return shapley_values(plan, self(plan.members), *ends)


@pytest.mark.parametrize("regions", [1, 2, 3, 6])
def test_all_coalitions_give_the_values_of_the_definition(regions: int) -> None:
    game = Game(regions)
    found = game.solved(2**regions)
    assert found.errors is None
    np.testing.assert_allclose(found.values, game.by_orders(), atol=1e-12)


@pytest.mark.parametrize("samples", [30, 40, 60])
def test_a_game_without_interactions_is_solved_by_any_coalitions(samples: int) -> None:
    game = Game(6)
    game.two[:] = game.three[:] = 0
    found = game.solved(samples)
    assert found.errors is not None
    np.testing.assert_allclose(found.values, game.one, atol=1e-12)
    np.testing.assert_allclose(found.errors, 0, atol=1e-12)


def test_drawn_values_sum_to_the_whole_and_err_as_they_say() -> None:
    """Over many seeds the values spread as their standard errors say, about the right ones."""
    game = Game(9, seed=4)
    exact = game.solved(512).values
    runs = [game.solved(120, seed) for seed in range(300)]
    values = np.array([run.values for run in runs])
    errors = np.array([run.errors for run in runs])
    ends = game(np.array([[False] * 9, [True] * 9]))
    np.testing.assert_allclose(values.sum(axis=2), np.tile(ends[1] - ends[0], (300, 1)), atol=1e-10)
    spread = values.std(axis=0)
    assert abs(values.mean(axis=0) - exact).max() < 0.25 * spread.max()
    ratio = np.sqrt((errors**2).mean(axis=0)) / spread
    assert ratio.min() > 0.75 and ratio.max() < 1.35
