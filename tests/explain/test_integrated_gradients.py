from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.explain.integrated_gradients import IntegratedGradients

from .conftest import ONE_SCORE, Bench, case, image
from .networks import Linear, Polynomial, toy

SHAPE = (3, 5, 6)
WEIGHTS = image(4, *SHAPE, seed=1, dtype=torch.float64)[0]
IMAGES = image(*SHAPE, dtype=torch.float64)


@pytest.mark.parametrize("rule", ["gauss_legendre", "midpoint"])
@pytest.mark.parametrize("steps", [1, 2, 50, 301])
def test_the_weights_of_a_rule_sum_to_one(bench: Bench, rule: str, steps: int) -> None:
    """A gradient that is constant is its own mean, whatever the points."""
    model = Linear(torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.zeros(1).double())
    method = IntegratedGradients(steps=steps, rule=rule)
    result = bench.explain(
        method, case(model, torch.ones(1, 1, 1, 1, dtype=torch.float64), output=ONE_SCORE)
    )
    assert result.facts["completeness_gap"] < 1e-13


@pytest.mark.parametrize("rule", ["gauss_legendre", "midpoint"])
@pytest.mark.parametrize("baseline", ["mean", 0.25])
def test_of_a_linear_model_one_step_is_exact(
    bench: Bench, rule: str, baseline: str | float
) -> None:
    model = Linear(WEIGHTS, torch.ones(4, dtype=torch.float64))
    method = IntegratedGradients(steps=1, rule=rule, baseline=baseline, target="1")
    result = bench.explain(method, case(model, IMAGES))
    start = 0.0 if baseline == "mean" else baseline
    expected = ((IMAGES[0] - start) * WEIGHTS[1]).sum(dim=0)
    np.testing.assert_allclose(result.values, expected, rtol=1e-6, atol=1e-7)
    assert result.facts["completeness_gap"] < 1e-12


def test_gauss_legendre_is_exact_on_polynomials_of_its_degree(bench: Bench) -> None:
    """n points integrate a gradient of degree 2 n - 1, so a score of degree 2 n."""
    exact = case(Polynomial(WEIGHTS, degree=6), IMAGES)
    result = bench.explain(IntegratedGradients(steps=3, target="0"), exact)
    expected = (WEIGHTS[0] * IMAGES[0] ** 6).sum(dim=0)  # from 0, each pixel by itself
    np.testing.assert_allclose(result.values, expected, rtol=1e-6, atol=1e-6)
    assert result.facts["completeness_gap"] < 1e-10 * float(expected.abs().sum())
    beyond = case(Polynomial(WEIGHTS, degree=8), IMAGES)
    assert bench.explain(IntegratedGradients(steps=3), beyond).facts["completeness_gap"] > 1e-3


def test_the_midpoint_rule_is_the_sum_that_it_says(bench: Bench) -> None:
    method = IntegratedGradients(steps=4, rule="midpoint", target="0")
    result = bench.explain(method, case(Polynomial(WEIGHTS, degree=3), IMAGES))
    mean_square = np.mean([(k + 0.5) ** 2 / 16 for k in range(4)])
    expected = 3 * mean_square * (WEIGHTS[0] * IMAGES[0] ** 3).sum(dim=0)
    np.testing.assert_allclose(result.values, expected, rtol=1e-6, atol=1e-7)


def test_the_gap_of_the_network_of_two_filters(bench: Bench) -> None:
    images = torch.arange(16.0).view(1, 1, 4, 4)
    result = bench.explain(IntegratedGradients(target="0"), case(toy(), images))
    gap = result.facts["completeness_gap"]
    assert gap == pytest.approx(abs(result.values.sum() - 54), abs=1e-4)
    assert gap == pytest.approx(0.67, abs=0.005)


def test_chunks_do_not_show(bench: Bench) -> None:
    maps = [
        bench.explain(
            IntegratedGradients(steps=7),
            case(Polynomial(WEIGHTS, degree=3), IMAGES, max_batch=chunk),
        ).values
        for chunk in (1, 3, 7)
    ]
    for other in maps[1:]:
        np.testing.assert_allclose(other, maps[0], rtol=1e-6, atol=1e-7)
