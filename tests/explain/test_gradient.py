from __future__ import annotations

import numpy as np
import torch

from brightfield.explain.gradient import GradientSaliency

from .conftest import Bench, case, image
from .networks import Linear, toy


def test_of_a_linear_model_it_is_the_largest_weight(bench: Bench) -> None:
    weights = image(4, 3, 5, 6, seed=1, dtype=torch.float64)[0]
    model = Linear(weights, torch.zeros(4, dtype=torch.float64))
    result = bench.explain(
        GradientSaliency(target="2"), case(model, image(3, 5, 6, dtype=torch.float64))
    )
    np.testing.assert_allclose(result.values, weights[2].abs().amax(dim=0), rtol=1e-7)


def test_the_network_of_two_filters(bench: Bench) -> None:
    """Only the first filter passes its ReLU in every place, the second in the lower row."""
    images = torch.arange(16.0).view(1, 1, 4, 4)
    result = bench.explain(GradientSaliency(target="0"), case(toy(), images))
    assert result.target.value == 54
    assert result.values.tolist() == [[0, 1, 1, 1]] * 3 + [[0, 0, 0, 0]]
