from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.smoothgrad import SmoothGrad
from brightfield.tensors import Map

from .conftest import ONE_SCORE, Bench, Case, case, image
from .networks import Polynomial, small


@pytest.fixture
def subject() -> Case:
    return case(small(), image(3, 16, 16))


def values(bench: Bench, subject: Case, **parameters: float) -> Map:
    found: Map = bench.explain(SmoothGrad(**{"samples": 12, **parameters}), subject).values
    return found


@pytest.mark.parametrize("chunk", [2, 5, 12])
def test_one_seed_gives_one_map_whatever_the_chunks(
    bench: Bench, subject: Case, chunk: int
) -> None:
    one = case(subject.module, subject.images, max_batch=1)
    many = case(subject.module, subject.images, max_batch=chunk)
    expected = values(bench, one)
    np.testing.assert_array_equal(values(bench, one), expected)
    np.testing.assert_allclose(values(bench, many), expected, atol=1e-5 * np.ptp(expected))


def test_another_seed_gives_another_map(bench: Bench, subject: Case) -> None:
    first, second = values(bench, subject), values(bench, subject, seed=1)
    assert np.abs(first - second).max() > 0.01 * np.ptp(first)


def test_without_noise_it_is_the_gradient(bench: Bench, subject: Case) -> None:
    gradient = bench.explain(GradientSaliency(), subject).values
    still = values(bench, subject, sigma=0)
    np.testing.assert_allclose(still, gradient, rtol=1e-5, atol=1e-6 * np.ptp(gradient))


def test_the_noise_is_a_part_of_the_inputs_range(bench: Bench) -> None:
    """On a sum of cubes the mean gradient is 3 (x^2 + variance): the map shows the variance."""
    images = torch.linspace(-1, 3, 16, dtype=torch.float64).view(1, 1, 4, 4)
    model = Polynomial(torch.ones(1, 1, 4, 4, dtype=torch.float64), degree=3)
    found = values(bench, case(model, images, output=ONE_SCORE), samples=3000, sigma=0.25)
    variance = (found / 3 - images[0, 0].numpy() ** 2).mean()
    assert variance == pytest.approx((0.25 * 4) ** 2, rel=0.1)
