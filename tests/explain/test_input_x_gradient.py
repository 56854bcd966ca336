from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.explain.input_x_gradient import InputTimesGradient

from .conftest import Bench, case, image
from .networks import Linear


def test_of_a_linear_model_it_is_input_times_weight_and_sums_to_the_score(bench: Bench) -> None:
    weights = image(4, 3, 5, 6, seed=1, dtype=torch.float64)[0]
    images = image(3, 5, 6, dtype=torch.float64)
    model = Linear(weights, torch.zeros(4, dtype=torch.float64))
    result = bench.explain(InputTimesGradient(), case(model, images))
    top = result.target.class_id
    expected = (images[0] * weights[top]).sum(dim=0)
    np.testing.assert_allclose(result.values, expected, rtol=1e-6, atol=1e-7)
    assert result.target.value == pytest.approx(max(float((images[0] * w).sum()) for w in weights))
    np.testing.assert_allclose(result.values.sum(), result.target.value, rtol=1e-5)
