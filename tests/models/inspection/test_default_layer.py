"""The layer that Grad-CAM weighs by default, of networks of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from brightfield.errors import UnknownLayer
from brightfield.models.inspection.default_layer import last_spatial_layer

from ...toys.vgg import narrow_vgg
from .conftest import FreedAtOnce
from .transformers import Tokens


def network(builder: str) -> nn.Module:
    torch.manual_seed(0)
    if builder == "vgg11":
        return narrow_vgg(builder, 3).eval()
    made: nn.Module = get_model(builder, weights=None, num_classes=3).eval()
    return made


IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


def found(module: nn.Module, score: Callable[[Any], Tensor] | None = None) -> str:
    return last_spatial_layer(module.eval(), IMAGES, score).tap.label


@pytest.mark.parametrize(
    ("builder", "layer"),
    [
        ("resnet18", "layer4"),
        ("vgg11", "features"),
        ("mobilenet_v2", "features"),
        ("densenet121", "features"),
        ("squeezenet1_1", "features"),  # its last convolution makes the scores themselves
        pytest.param("swin_t", "features", marks=pytest.mark.slow),
        pytest.param("convnext_tiny", "features", marks=pytest.mark.slow),
    ],
)
def test_it_is_the_last_stage_of_a_classifier(builder: str, layer: str) -> None:
    assert found(network(builder), lambda out: out[:, 1]) == layer
    assert found(network(builder)) == layer


class Heads(nn.Module):
    """Two heads of two convolutions, each of which gives scores at every place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.inner = nn.ModuleList([nn.Conv2d(4, 4, 3) for _ in range(2)])
        self.outer = nn.ModuleList([nn.Conv2d(4, 2, 1) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        pairs = zip(self.inner, self.outer, strict=True)
        return torch.cat([outer(inner(x).relu()).flatten(1) for inner, outer in pairs], 1)


def test_of_a_score_it_is_a_layer_that_the_score_depends_on() -> None:
    heads = Heads()
    assert found(heads, lambda out: out[:, 0]) == "inner.0"
    assert found(heads, lambda out: out[:, -1]) == "inner.1"


def test_a_graph_that_nobody_needs_is_freed_without_the_collector(
    freed_at_once: FreedAtOnce,
) -> None:
    heads = Heads()
    freed_at_once(heads, lambda: found(heads, lambda out: out[:, 0].detach()))


class SharedHead(nn.Module):
    """One head for two scales, as detectors have."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.body(images)
        scales = maps, functional.avg_pool2d(maps, 2)
        return torch.cat([self.out(self.head(scale)).flatten(1) for scale in scales], dim=1)


def test_of_a_shared_head_it_is_the_call_that_the_score_comes_from() -> None:
    assert found(SharedHead(), lambda out: out[:, -1]) == "head"
    assert found(SharedHead(), lambda out: out[:, 0]) == "head@0"


class Gated(nn.Module):
    """Maps times a gate, in several ways to make one."""

    def __init__(self, gate: Callable[[Tensor], Tensor], channels: int, *, adds: bool) -> None:
        super().__init__()
        self.body, self.to_gate = nn.Conv2d(3, 8, 3), nn.Conv2d(8, channels, 1)
        self.weight = nn.Parameter(torch.rand(8, 1, 1))
        self.fc, self.gate, self.adds = nn.Linear(8, 2), gate, adds

    def forward(self, images: Tensor) -> Tensor:
        maps = self.body(images).relu()
        gate = self.gate(self.to_gate(maps))
        maps = maps + gate * self.weight if self.adds else maps * gate
        scores: Tensor = self.fc(maps.mean((2, 3)))
        return scores


@pytest.mark.parametrize(
    "module",
    [
        Gated(torch.sigmoid, 1, adds=False),
        Gated(torch.sigmoid, 8, adds=False),
        Gated(torch.sigmoid, 1, adds=True),
        Gated(functional.hardsigmoid, 8, adds=False),
        Gated(lambda z: z.flatten(2).softmax(2).view_as(z), 8, adds=False),
        Gated(torch.relu, 1, adds=False),
    ],
)
def test_what_only_gates_does_not_count(module: nn.Module) -> None:
    assert found(module, lambda out: out[:, 0]) == "body"


class SmallUNet(nn.Module):
    """Down, up with a skip connection, and a convolution that gives the map."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.join, self.out = nn.Conv2d(8, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        high = self.down(images).relu()
        low = self.deep(functional.max_pool2d(high, 2)).relu()
        maps: Tensor = self.out(self.join(torch.cat([self.up(low), high], 1)).relu())
        return maps


def test_a_segmenters_layer_is_not_its_output() -> None:
    assert found(SmallUNet(), lambda out: out[:, 0].mean((1, 2))) == "join"
    larger = nn.Sequential(SmallUNet(), nn.Upsample(scale_factor=2, mode="bilinear"))
    assert found(larger, lambda out: out[:, 0].mean((1, 2))) == "0.join"


def test_behind_the_last_attention_a_class_token_alone_counts() -> None:
    module = Tokens(blocks=4, extra=1)
    assert found(module, lambda out: out[:, 0]) == "blocks.2"
    assert found(Tokens(blocks=4, extra=0), lambda out: out[:, 0]) == "blocks"


def test_a_stem_is_no_such_layer() -> None:
    module = Tokens(blocks=6, extra=1, sorts=True)
    with pytest.raises(UnknownLayer, match=r"No layer .* spatial maps"):
        found(module, lambda out: out[:, 0])


def test_of_a_network_whose_output_are_maps_only_it_is_the_output() -> None:
    assert found(nn.Sequential(nn.Conv2d(3, 2, 3)), lambda out: out[:, 0].mean((1, 2))) == "0"


def test_a_network_without_maps_has_no_spatial_layer() -> None:
    with pytest.raises(UnknownLayer):
        found(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2)))
