"""timm and segmentation-models-pytorch as architectures, without a network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from brightfield.errors import InvalidCard
from brightfield.models.loading.build import build

from .programs import card

UNET = {"encoder_name": "resnet18", "in_channels": 1, "classes": 2}


def timm_network() -> nn.Module:
    timm = pytest.importorskip("timm")  # here, since it brings a compiler of 110 MB along
    made: nn.Module = timm.create_model("mobilenetv3_small_050", num_classes=3, in_chans=1)
    return made


def smp_network() -> nn.Module:
    smp = pytest.importorskip("segmentation_models_pytorch")
    network: nn.Module = smp.Unet(**UNET, encoder_weights=None)
    return network


@pytest.mark.parametrize(
    ("make", "name", "arguments"),
    [
        (timm_network, "timm:mobilenetv3_small_050", {"num_classes": 3, "in_chans": 1}),
        (smp_network, "smp:Unet", UNET),
        (smp_network, "smp:Unet", {**UNET, "encoder_weights": "none"}),
    ],
)
def test_a_network_of_a_library_is_built_without_a_download(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    name: str,
    arguments: dict[str, Any],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    reference = make().eval()
    torch.save(reference.state_dict(), tmp_path / "w.pt")
    module = build(card(tmp_path / "w.pt", name, arguments))
    images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(images), reference(images), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("timm:resnet81", {}, "resnet18"),
        ("timm:hf-hub:timm/resnet18", {}, "has no model"),
        ("timm:resnet18", {"pretrained": True}, "downloads nothing"),
        ("timm:resnet18", {"depht": 3}, "depht"),
        ("smp:UNet", {}, "Unet"),
        ("smp:create_model", {}, "has no model"),
        ("smp:Unet", {"encoder_weights": "imagenet"}, "downloads nothing"),
        ("smp:Unet", {"encoder_name": "resnet17"}, "refuses its arguments"),
    ],
)
def test_wrong_names_and_what_would_download_are_refused(
    tmp_path: Path, name: str, arguments: dict[str, Any], says: str
) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pt")
    with pytest.raises(InvalidCard, match=says):
        build(card(tmp_path / "w.pt", name, arguments))
