from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from brightfield.errors import InvalidParameter, UnknownLayer
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.guided_backprop import GuidedBackprop
from brightfield.explain.integrated_gradients import IntegratedGradients

from ..conftest import Bench, case, image
from ..networks import architecture, small, toy

TOY = torch.arange(16.0).view(1, 1, 4, 4)


def test_of_a_convolution_it_is_the_window_of_its_weights(bench: Bench) -> None:
    subject = case(toy(), TOY)
    result = bench.explain(GradientSaliency(layer="0", neuron="1,0,1"), subject)
    assert result.values.tolist() == [[0, 1, 1, 1]] * 3 + [[0, 0, 0, 0]]
    window = 1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11
    assert result.payload("input")["score"] == window - 75
    assert result.payload("input")["target"] == {
        "label": "0[1,0,1]", "class_id": None, "layer": "0", "neuron": [1, 0, 1],
    }  # fmt: skip
    assert result.reading.startswith("about unit 1 at row 0, column 1 of 0: ")


def test_a_flat_layer_and_the_aliases_have_neurons_too(bench: Bench) -> None:
    subject = case(toy(), TOY)
    for layer, neuron in (("3", "0"), ("logits", 0), ("4", [0])):
        result = bench.explain(GradientSaliency(layer=layer, neuron=neuron), subject)
        assert result.target.value == 54
        assert result.values.tolist() == [[0, 1, 1, 1]] * 3 + [[0, 0, 0, 0]]
    first = bench.explain(GradientSaliency(layer="penultimate", neuron="3"), subject)
    assert first.target.value == 90 - 50  # what goes into the linear layer


def test_behind_a_normalising_end_logits_are_the_cut_output(bench: Bench) -> None:
    network = small()
    ended = torch.nn.Sequential(network, torch.nn.Softmax(dim=1)).eval()
    images = image(3, 16, 16)
    score = bench.explain(GradientSaliency(layer="logits", neuron="2"), case(ended, images))
    with torch.no_grad():
        assert score.target.value == pytest.approx(float(network(images)[0, 2]))


@pytest.mark.parametrize("guided", [False, True])
def test_against_captum(bench: Bench, guided: bool) -> None:
    from captum.attr import NeuronGradient, NeuronGuidedBackprop

    module = architecture("vgg_like").double()
    images = image(3, 32, 48, dtype=torch.float64)
    kind = GuidedBackprop if guided else GradientSaliency
    result = bench.explain(kind(layer="0.5", neuron="7,1,2"), case(module, images))
    with pytest.warns(UserWarning) if guided else nothing():
        reference = (NeuronGuidedBackprop if guided else NeuronGradient)(
            module, module.get_submodule("0.5")
        ).attribute(images.clone().requires_grad_(), (7, 1, 2))
    expected = reference.detach()[0].abs().amax(dim=0).numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-6 * expected.max())


def nothing() -> object:
    from contextlib import nullcontext

    return nullcontext()


def test_other_methods_on_gradients_take_neurons_too(bench: Bench) -> None:
    """A convolution is linear, so one step is complete."""
    method = IntegratedGradients(steps=1, layer="0", neuron="0,1,1")
    result = bench.explain(method, case(toy(), TOY))
    assert result.values.sum() == pytest.approx(result.target.value + 50)
    assert result.facts["completeness_gap"] < 1e-4


def test_outside_the_layer_its_shape_is_told(bench: Bench) -> None:
    subject = case(toy(), TOY)
    for neuron in ("2,0,0", "0,0,2", "0", "0,0,0,0"):
        with pytest.raises(InvalidParameter, match=r"'0', which is 2 x 2 x 2; give c,y,x .* 1,1,1"):
            bench.explain(GradientSaliency(layer="0", neuron=neuron), subject)
    with pytest.raises(InvalidParameter, match="which is 4; give k from 0 to 3"):
        bench.explain(GradientSaliency(layer="3", neuron="4"), subject)
    with pytest.raises(UnknownLayer, match="no layer 'nine'"):
        bench.explain(GradientSaliency(layer="nine", neuron="0"), subject)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"neuron": "0,0,0"}, "belong together"),
        ({"layer": "0"}, "belong together"),
        ({"neuron": "0", "layer": "0", "target": "1"}, "instead of a target"),
        ({"neuron": "-1,0,0", "layer": "0"}, "greater than or equal to 0"),
        ({"neuron": "a", "layer": "0"}, "valid integer"),
        ({"neuron": "", "layer": "0"}, "valid integer"),
    ],
)
def test_what_makes_no_neuron_is_refused(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        GradientSaliency(**wrong)
    assert not GradientSaliency(neuron="0", layer="0").targeted
    assert GradientSaliency().targeted
