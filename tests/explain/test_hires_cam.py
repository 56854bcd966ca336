from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from brightfield.explain.hires_cam import HiresCam

from .conftest import Bench, case, image
from .networks import small


def test_it_is_the_sum_that_the_score_is(bench: Bench) -> None:
    """Of a convolution, a rectifier and a linear layer: the map sums to the score less the bias."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 10 * 12, 4)
        )
    network.requires_grad_(False)
    images = image(3, 12, 14)
    method = HiresCam(layer="1", target=2, relu=False)
    result = bench.explain(method, case(network, images))
    assert result.facts["layer_size"] == [10, 12] and result.signed
    maps = network[:2](images)[0]
    weights = network[3].weight[2].view(6, 10, 12)
    coarse = (maps * weights).sum(0)
    score = network(images)[0, 2] - network[3].bias[2]
    assert float(coarse.sum()) == pytest.approx(float(score), abs=1e-4)
    fine = nn.functional.interpolate(coarse[None, None], (12, 14), mode="bilinear")[0, 0]
    np.testing.assert_allclose(result.values, fine, rtol=1e-4, atol=1e-5)


def test_the_rectifier_keeps_what_supports_the_target(bench: Bench) -> None:
    subject = case(small(), image(3, 16, 16))
    signed = bench.explain(HiresCam(layer="4", relu=False), subject)
    unsigned = bench.explain(HiresCam(layer="4"), subject)
    assert signed.values.min() < 0 <= unsigned.values.min()
    assert signed.signed and not unsigned.signed
