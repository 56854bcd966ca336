from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.explain.grad_cam import GradCam

from .conftest import Bench, case, image
from .networks import Linear, small, toy

TOY = torch.arange(16.0).view(1, 1, 4, 4)


def test_the_network_of_two_filters(bench: Bench) -> None:
    result = bench.explain(GradCam(layer="0", target="0", relu=False), case(toy(), TOY))
    assert result.facts["layer"] == "0"
    assert result.facts["layer_size"] == [2, 2]
    # By the bilinear rule the corners of the finer grid are the corners of the coarse one.
    assert result.values[::3, ::3].tolist() == [[11.25, 13.5], [20.25, 22.5]]
    assert result.values[0].tolist() == pytest.approx([11.25, 11.8125, 12.9375, 13.5])


def test_the_relu_keeps_what_speaks_for_the_target(bench: Bench) -> None:
    subject = case(small(), image(3, 16, 16))
    signed = bench.explain(GradCam(layer="4", relu=False), subject)
    unsigned = bench.explain(GradCam(layer="4"), subject)
    assert signed.signed
    assert not unsigned.signed
    assert signed.values.min() < 0
    assert unsigned.values.min() >= 0
    positive = signed.values > 0.1 * signed.values.max()
    assert np.corrcoef(signed.values[positive], unsigned.values[positive])[0, 1] > 0.9


def test_left_out_the_layer_is_the_cards_else_the_last_with_maps(bench: Bench) -> None:
    images = image(3, 16, 16)
    assert bench.explain(GradCam(), case(small(), images)).facts["layer"] == "4"
    card = {"explain": {"layer": "1"}}
    assert bench.explain(GradCam(), case(small(), images, **card)).facts["layer"] == "1"


def test_unfit_layers_and_models_are_refused(bench: Bench) -> None:
    subject = case(small(), image(3, 16, 16))
    with pytest.raises(UnknownLayer, match="no layer 'seven'"):
        bench.explain(GradCam(layer="seven"), subject)
    for flat in ("9", "penultimate", "logits"):
        with pytest.raises(Unexplainable, match=f"'{flat}' has no spatial maps"):
            bench.explain(GradCam(layer=flat), subject)
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(Unexplainable, match="no spatial maps"):
        bench.explain(GradCam(layer="1"), case(pooled, image(3, 16, 16)))
    linear = Linear(image(2, 3, 4, 4)[0], torch.zeros(2))
    with pytest.raises(Unexplainable, match="Without a layer: gradient"):
        bench.explain(GradCam(), case(linear, image(3, 4, 4)))
