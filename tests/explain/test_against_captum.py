"""The methods that Captum has, too, against Captum's own numbers.

In float64, where the order of sums does not show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from captum.attr import (
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    Occlusion,
    Saliency,
)

from brightfield.explain import (
    grad_cam,
    gradient,
    guided_backprop,
    guided_grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
)
from brightfield.tensors import Map

from .conftest import Bench, Case, case, image
from .networks import architecture

LAYERS = {
    "resnet18": "layer3",
    "mobilenet_v2": "features.13",
    "vgg_like": "0.3",
    "imagenet-lite0": "head",
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Captum runs in the test's own thread; one is quickest for small images."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=LAYERS)
def subject(request: pytest.FixtureRequest) -> Case:
    if request.param == "imagenet-lite0":
        shipped: Case = request.getfixturevalue("shipped")
        return shipped
    explain = {"layer": LAYERS[request.param]}
    images = image(3, 32, 48, dtype=torch.float64)
    return case(architecture(request.param).double(), images, explain=explain)


def same(ours: Map, reference: torch.Tensor) -> None:
    expected = reference.detach().numpy()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * np.ptp(expected))


def top(subject: Case) -> int:
    with torch.no_grad():
        return int(subject.module(subject.images)[0].argmax())


def differentiable(subject: Case) -> torch.Tensor:
    return subject.images.clone().requires_grad_()


def test_gradient_is_saliency(bench: Bench, subject: Case) -> None:
    result = bench.explain(gradient.GradientSaliency(), subject)
    reference = Saliency(subject.module).attribute(
        differentiable(subject), target=top(subject), abs=True
    )
    same(result.values, reference[0].amax(dim=0))


def test_input_x_gradient_is_summed_over_channels(bench: Bench, subject: Case) -> None:
    result = bench.explain(input_x_gradient.InputTimesGradient(target="3"), subject)
    reference = InputXGradient(subject.module).attribute(differentiable(subject), target=3)
    same(result.values, reference[0].sum(dim=0))


@pytest.mark.slow
def test_integrated_gradients(bench: Bench, subject: Case) -> None:
    result = bench.explain(integrated_gradients.IntegratedGradients(steps=7), subject)
    reference, delta = IntegratedGradients(subject.module).attribute(
        subject.images,
        baselines=torch.zeros_like(subject.images),
        target=top(subject),
        n_steps=7,
        method="gausslegendre",
        return_convergence_delta=True,
    )
    same(result.values, reference[0].sum(dim=0))
    span = abs(float(reference.sum()))
    assert result.facts["completeness_gap"] == pytest.approx(abs(float(delta)), abs=1e-5 * span)


# Captum guides modules of nn.ReLU alone: of these two every rectifier is one.
OF_RELU_MODULES = ("resnet18", "vgg_like")


def skip_unless_of_relu_modules(request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["subject"] not in OF_RELU_MODULES:
        pytest.skip("Captum does not see the ReLU6 of this network")


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU:UserWarning")
def test_guided_backprop(bench: Bench, subject: Case, request: pytest.FixtureRequest) -> None:
    skip_unless_of_relu_modules(request)
    result = bench.explain(guided_backprop.GuidedBackprop(), subject)
    reference = GuidedBackprop(subject.module).attribute(
        differentiable(subject), target=top(subject)
    )
    same(result.values, reference[0].abs().amax(dim=0))
    plain = bench.explain(gradient.GradientSaliency(), subject).values
    assert np.abs(result.values - plain).max() > 0.01 * plain.max()


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU:UserWarning")
def test_guided_grad_cam(bench: Bench, subject: Case, request: pytest.FixtureRequest) -> None:
    skip_unless_of_relu_modules(request)
    name = subject.card.explain.layer
    assert name is not None
    result = bench.explain(guided_grad_cam.GuidedGradCam(), subject)
    reference = GuidedGradCam(subject.module, subject.module.get_submodule(name)).attribute(
        differentiable(subject), target=top(subject), interpolate_mode="bilinear"
    )
    same(result.values, reference[0].abs().amax(dim=0))


@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam(bench: Bench, subject: Case, relu: bool) -> None:
    name = subject.card.explain.layer
    assert name is not None
    result = bench.explain(grad_cam.GradCam(relu=relu), subject)
    coarse = LayerGradCam(subject.module, subject.module.get_submodule(name)).attribute(
        differentiable(subject), target=top(subject), relu_attributions=relu
    )
    fine = LayerAttribution.interpolate(coarse, subject.images.shape[-2:], "bilinear")
    assert result.facts["layer_size"] == list(coarse.shape[-2:])
    same(result.values, fine[0, 0])


@pytest.mark.slow
def test_occlusion_with_cut_borders(bench: Bench, subject: Case) -> None:
    """Captum averages over covering windows, too, and cuts the last window off at the border."""
    height, width = subject.images.shape[-2:]
    window, stride = (height // 3, width // 2), (height // 5, width // 4)
    result = bench.explain(occlusion.Occlusion(window=window, stride=stride, border="cut"), subject)
    channels = subject.images.shape[1]
    with torch.no_grad():
        scores = subject.module(subject.images)[0]
        reference = Occlusion(subject.module).attribute(
            subject.images,
            target=int(scores.argmax()),
            sliding_window_shapes=(channels, *window),
            strides=(channels, *stride),
            baselines=0.0,
        )
    expected = reference[0, 0].numpy()
    span = float(scores.max() - scores.min())
    assert np.ptp(expected) > 1e-4 * span
    np.testing.assert_allclose(result.raster("input").array[0], expected, atol=1e-5 * span)
