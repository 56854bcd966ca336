"""torchvision's segmenters as architectures, against torchvision's own answers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model

from brightfield.cards import ModelCard
from brightfield.models.loading.build import build


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 65, 98, generator=torch.Generator().manual_seed(3))


def reference(builder: str) -> nn.Module:
    """With the auxiliary head that the published weights have, and the module lacks."""
    auxiliary = {} if builder.startswith("lraspp") else {"aux_loss": True}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: nn.Module = get_model(builder, weights=None, weights_backbone=None, **auxiliary)
    return model.eval()


def built(builder: str, own: nn.Module, folder: Path) -> nn.Module:
    path = folder / "w.safetensors"
    save_file({key: value.contiguous() for key, value in own.state_dict().items()}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {
        "id": "m",
        "version": "1",
        "task": "segment",
        "licence": "BSD-3-Clause",
        "architecture": {"name": f"torchvision:{builder}"},
        "weights": {"file": path.name, "sha256": sha256},
    }
    made = ModelCard.model_validate(content)
    made._folder = folder
    module = build(made)
    path.unlink()
    return module


@pytest.mark.parametrize(
    "builder",
    [
        "lraspp_mobilenet_v3_large",
        "deeplabv3_mobilenet_v3_large",
        "deeplabv3_resnet50",
        pytest.param("deeplabv3_resnet101", marks=pytest.mark.slow),
        pytest.param("fcn_resnet50", marks=pytest.mark.slow),
        pytest.param("fcn_resnet101", marks=pytest.mark.slow),
    ],
)
def test_the_maps_are_torchvision_s_own(builder: str, tmp_path: Path) -> None:
    own = reference(builder)
    module = built(builder, own, tmp_path)
    with torch.no_grad():
        expected = own(images())["out"]
        maps = module(images())
    assert maps.shape == (2, 21, 65, 98)
    assert maps.std() > 0
    torch.testing.assert_close(maps, expected, rtol=0, atol=0)


def test_each_image_of_a_batch_is_answered_as_if_it_were_alone(tmp_path: Path) -> None:
    builder = "deeplabv3_mobilenet_v3_large"
    module = built(builder, reference(builder), tmp_path).double()
    with torch.no_grad():
        together, alone = module(images().double()), module(images()[1:].double())
    torch.testing.assert_close(together[1:], alone)


def test_a_class_has_a_gradient_at_the_image(tmp_path: Path) -> None:
    builder = "lraspp_mobilenet_v3_large"
    module = built(builder, reference(builder), tmp_path)
    given = images(1).requires_grad_()
    (gradient,) = torch.autograd.grad(module(given)[0, 3].mean(), given)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
    assert not any(getattr(part, "inplace", False) for part in module.modules())
