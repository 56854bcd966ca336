"""The class activation methods against the package pytorch-grad-cam, on the layer's own grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytorch_grad_cam as reference
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from brightfield.explain import catalog

from .conftest import Bench, case, image
from .networks import architecture

METHODS = {
    "grad_cam": reference.GradCAM,
    "hires_cam": reference.HiResCAM,
    "layer_cam": reference.LayerCAM,
}
LAYERS = {"resnet18": ("layer3", "layer1"), "vgg_like": ("0.3", "0.8")}


def coarse(kind: Any, module: Any, layer: str, images: torch.Tensor) -> Any:
    """The package's map before it is scaled to [0, 1] and enlarged; it keeps what is positive."""
    with kind(model=module, target_layers=[module.get_submodule(layer)]) as cam:
        cam.activations_and_grads(images)[0, 3].backward()
        read = cam.activations_and_grads
        found = cam.get_cam_image(
            images, cam.target_layers[0], [ClassifierOutputTarget(3)],
            read.activations[0].numpy(), read.gradients[0].numpy(), False,
        )  # fmt: skip
    module.zero_grad()
    return torch.from_numpy(np.maximum(found, 0))


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("network", LAYERS)
@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_packages_map(bench: Bench, name: str, network: str, depth: int) -> None:
    module, layer = architecture(network), LAYERS[network][depth]
    images = image(3, 32, 48)
    result = bench.explain(catalog()[name](layer=layer, target=3), case(module, images))
    expected = torch.nn.functional.interpolate(
        coarse(METHODS[name], module, layer, images)[:, None], (32, 48), mode="bilinear"
    )[0, 0]
    assert np.ptp(expected.numpy()) > 0
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-5 * float(expected.max()))
