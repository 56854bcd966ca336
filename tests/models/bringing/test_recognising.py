"""Networks recognised by their tensors, and those that names and shapes do not tell apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from brightfield.models.bringing.recognising import Recognition, recognise
from brightfield.models.loading.checkpoint import read_checkpoint


def recognised(folder: Path, content: Any, task: str = "classify", *hints: str) -> Recognition:
    torch.save(content, folder / "w.pt")
    return recognise(read_checkpoint(folder / "w.pt"), task, hints)


def deeplab() -> nn.Module:
    network: nn.Module = get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=3
    )
    return network


def from_timm(name: str, **arguments: Any) -> nn.Module:
    timm = pytest.importorskip("timm")  # here, since it brings a compiler of 110 MB along
    network: nn.Module = timm.create_model(name, **arguments)
    return network


def unet() -> nn.Module:
    smp = pytest.importorskip("segmentation_models_pytorch")
    network: nn.Module = smp.Unet("mobilenet_v2", encoder_weights=None, in_channels=1, classes=2)
    return network


@pytest.mark.parametrize(
    ("make", "task", "name", "arguments"),
    [
        (
            lambda: get_model("mobilenet_v3_small", num_classes=3),
            "classify",
            "torchvision:mobilenet_v3_small",
            {"num_classes": 3},
        ),
        (
            lambda: from_timm("mobilenetv3_small_050", num_classes=3, in_chans=1),
            "classify",
            "timm:mobilenetv3_small_050",
            {"num_classes": 3, "in_chans": 1},
        ),
        (
            unet,
            "segment",
            "smp:Unet",
            {"encoder_name": "mobilenet_v2", "classes": 2, "in_channels": 1},
        ),
        (deeplab, "segment", "torchvision:lraspp_mobilenet_v3_large", {"num_classes": 3}),
    ],
)
def test_a_network_is_known_by_its_names_and_shapes(
    tmp_path: Path,
    make: Callable[[], nn.Module],
    task: str,
    name: str,
    arguments: dict[str, Any],
) -> None:
    state = {f"model.{key}": value for key, value in make().state_dict().items()}
    chosen = recognised(tmp_path, {"state_dict": state | {"loss.w": torch.ones(1)}}, task).chosen
    assert chosen is not None
    assert (chosen.candidate.name, dict(chosen.arguments)) == (name, arguments)
    assert (chosen.place, chosen.prefix, chosen.rest) == ("state_dict", "model.", ("loss.w",))


@pytest.mark.slow
def test_networks_that_only_compute_otherwise_are_told_apart_by_a_hint_alone(
    tmp_path: Path,
) -> None:
    # The padding of tf_mobilenetv3 is in none of its tensors.
    state = from_timm("tf_mobilenetv3_small_075", num_classes=2).state_dict()
    found = recognised(tmp_path, state)
    names = {frozenset(each.candidate.name for each in group) for group in found.groups}
    assert frozenset({"timm:mobilenetv3_small_075"}) in names and len(names) > 1
    assert found.chosen is None
    for hints in (("tf_mobilenetv3_small_075-cells",), ()):
        content = state if hints else {"model": state, "arch": "tf_mobilenetv3_small_075"}
        chosen = recognised(tmp_path, content, "classify", *hints).chosen
        assert chosen is not None and chosen.candidate.name == "timm:tf_mobilenetv3_small_075"


def test_another_head_is_named(tmp_path: Path) -> None:
    network = get_model("resnet18", weights=None)
    network.fc = nn.Sequential(nn.Dropout(), nn.Linear(512, 2))
    found = recognised(tmp_path, network.state_dict())
    assert found.chosen is None and found.nearest is not None
    assert found.nearest[0].endswith(":resnet18")
    assert found.nearest[1:] == (("fc.1.bias", "fc.1.weight"), ("fc.bias", "fc.weight"))


def test_earlier_names_are_read_where_the_file_names_the_network(tmp_path: Path) -> None:
    network = get_model("retinanet_resnet50_fpn", weights=None, weights_backbone=None)
    old = {
        re.sub(r"(fpn\.(?:inner|layer)_blocks\.\d+)\.0\.", r"\1.", name): value
        for name, value in network.state_dict().items()
    }
    found = recognised(tmp_path, old, "detect", "retinanet_resnet50_fpn_coco-eeacb38b.pth")
    assert found.chosen is not None
    assert found.chosen.candidate.name == "torchvision:retinanet_resnet50_fpn"
