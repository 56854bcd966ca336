from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from brightfield.errors import Unexplainable
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.guided_backprop import GuidedBackprop

from .conftest import ONE_SCORE, Bench, case, image
from .networks import Linear, toy

TOY = torch.arange(16.0).view(1, 1, 4, 4)


def test_the_network_of_two_filters(bench: Bench) -> None:
    """The second filter's negative weights are cut off at its ReLU."""
    result = bench.explain(GuidedBackprop(target="0"), case(toy(), TOY))
    assert result.target.value == 54
    assert result.values.tolist() == [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]]


class Shared(nn.Module):
    """Scores sum(relu(z)) - 3 sum(z), z the input."""

    def forward(self, z: Tensor) -> Tensor:
        return (torch.relu(z) - 3 * z).sum(dim=(1, 2, 3))[:, None]


def test_a_branch_beside_the_relu_is_not_clamped(bench: Bench) -> None:
    images = image(2, 4, 5)
    result = bench.explain(GuidedBackprop(), case(Shared(), images, output=ONE_SCORE))
    gradient = (images[0] > 0).float() - 3
    np.testing.assert_array_equal(result.values, gradient.abs().amax(dim=0))


def test_it_says_that_it_fails_the_sanity_check(bench: Bench) -> None:
    (note,) = bench.explain(GuidedBackprop(), case(toy(), TOY)).notes
    assert note.code == "fails_sanity_check"
    assert bench.explain(GradientSaliency(), case(toy(), TOY)).notes == ()


def test_a_model_without_relu_is_refused_with_what_fits(bench: Bench) -> None:
    linear = case(Linear(image(2, 3, 4, 4)[0], torch.zeros(2)), image(3, 4, 4))
    with pytest.raises(Unexplainable, match="use gradient, input_x_gradient, smoothgrad"):
        bench.explain(GuidedBackprop(), linear)
    with pytest.raises(Unexplainable, match="no ReLU"):  # only behind the neuron
        bench.explain(GuidedBackprop(neuron="0,0,0", layer="0"), case(toy(), TOY))
