from __future__ import annotations

import numpy as np
import torch
from torch import nn

from brightfield.explain.layer_cam import LayerCam

from .conftest import Bench, case, image


def test_only_positive_gradients_count_place_by_place(bench: Bench) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 10 * 12, 4)
        )
    network.requires_grad_(False)
    images = image(3, 12, 14)
    subject = case(network, images)
    maps = network[:2](images)[0]
    weights = network[3].weight[1].view(6, 10, 12)
    coarse = (maps * weights.clamp(min=0)).sum(0)
    for relu in (False, True):
        result = bench.explain(LayerCam(layer="1", target=1, relu=relu), subject)
        expected = coarse.relu() if relu else coarse
        fine = nn.functional.interpolate(expected[None, None], (12, 14), mode="bilinear")[0, 0]
        np.testing.assert_allclose(result.values, fine, rtol=1e-4, atol=1e-5)
