from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from brightfield.errors import Unexplainable
from brightfield.explain.guided_grad_cam import GuidedGradCam

from .conftest import Bench, case, image
from .networks import toy

TOY = torch.arange(16.0).view(1, 1, 4, 4)
GUIDED = np.array([[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]])
# Bilinear from two cells to four: the weight of the far cell is 0, 1/4, 3/4, 1.
FAR = np.array([0, 0.25, 0.75, 1])


def test_the_network_of_two_filters(bench: Bench) -> None:
    result = bench.explain(GuidedGradCam(layer="0", target="0"), case(toy(), TOY))
    cam = 11.25 + 9 * FAR[:, None] + 2.25 * FAR
    np.testing.assert_allclose(result.values, GUIDED * cam, rtol=1e-6)
    assert not result.signed
    assert (result.facts["layer"], result.facts["layer_size"]) == ("0", [2, 2])
    assert [note.code for note in result.notes] == ["fails_sanity_check"]


def test_it_is_refused_where_either_part_is(bench: Bench) -> None:
    images = image(3, 8, 8)
    flat = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(192, 3))
    with pytest.raises(Unexplainable, match="no layer with spatial maps"):
        bench.explain(GuidedGradCam(), case(flat, images))
    smooth = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten())
    with pytest.raises(Unexplainable, match="no ReLU"):
        bench.explain(GuidedGradCam(), case(smooth, images))
