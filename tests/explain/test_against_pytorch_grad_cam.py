"""Grad-CAM of transformers and channels-last networks against pytorch-grad-cam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from brightfield.explain.grad_cam import GradCam

from .conftest import Bench, case, image

# `pytorch_grad_cam` loads its methods with what it needs for its own pictures.
grad_cam = pytest.importorskip("pytorch_grad_cam")
targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")

Reshape = Callable[[Tensor], Tensor]


def channels_first(values: Tensor) -> Tensor:
    return values.permute(0, 3, 1, 2)


def without_class_token(values: Tensor) -> Tensor:
    return values[:, 1:].unflatten(1, (14, 14)).permute(0, 3, 1, 2)


NETWORKS: list[tuple[str, str, Reshape | None]] = [
    ("swin_t", "features", channels_first),
    ("swin_v2_t", "features", channels_first),
    ("vit_b_16", "encoder.layers.encoder_layer_10", without_class_token),
    ("convnext_tiny", "features", None),
]


def network(builder: str) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = get_model(builder, weights=None, num_classes=3)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.startswith(("heads", "head")) and parameter.dim() > 1:
                parameter.normal_(0, 0.02)  # a ViT's begins at 0
    return made.eval()


@pytest.mark.slow
@pytest.mark.parametrize(("builder", "layer", "reshape"), NETWORKS)
def test_the_default_layers_map_is_the_reference(
    bench: Bench, builder: str, layer: str, reshape: Reshape | None
) -> None:
    module, images = network(builder), image(3, 224, 224)
    result: Any = bench.explain(GradCam(target="1"), case(module, images))
    assert result.facts["layer"] == layer
    assert [note.code for note in result.notes] == ["default_layer"]
    reference = grad_cam.GradCAM(
        model=module, target_layers=[module.get_submodule(layer)], reshape_transform=reshape
    )
    with reference:
        target = targets.ClassifierOutputTarget(1)
        expected = reference(input_tensor=images, targets=[target])[0]
    # The reference is scaled to [0, 1].
    assert np.corrcoef(result.values.ravel(), expected.ravel())[0, 1] > 0.999
