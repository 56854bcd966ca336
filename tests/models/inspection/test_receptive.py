"""Receptive fields are where gradients come from, and nothing beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from brightfield.models.inspection import receptive
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.layouts import layouts
from brightfield.models.inspection.receptive import ReceptiveField, receptive_field
from brightfield.models.unet import UNet

from ..incremental.networks import Zoo, settled


def field(network: nn.Module, images: Tensor, layer: str = "") -> ReceptiveField:
    layout = layouts(network.eval(), [Tap(layer)], images)[Tap(layer)]
    return receptive_field(network, Tap(layer), images, layout)


def supports(network: nn.Module, shape: tuple[int, ...], layer: str, axis: int) -> Any:
    """(places, 2): the outermost pixels that a gradient came from, over several random images.

    Weights are drawn positive, so that no two ways cancel each other.
    """
    spans: dict[int, list[int]] = {}
    for seed in range(24):
        generator = torch.Generator().manual_seed(seed)
        images = torch.rand(shape, generator=generator, dtype=torch.float64).pow(8).requires_grad_()
        maps = features(network, images, layer)
        for place in range(maps.shape[2 + axis]):
            value = maps.select(2 + axis, place).sum()
            (gradient,) = torch.autograd.grad(value, images, retain_graph=True)
            found = gradient.abs().sum((0, 1, 3 - axis)).nonzero().flatten()
            if len(found):
                spans.setdefault(place, []).extend([int(found[0]), int(found[-1]) + 1])
    count = maps.shape[2 + axis]
    return [[min(spans[p]), max(spans[p])] if p in spans else [0, 0] for p in range(count)]


def features(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    read: list[Tensor] = []
    hook = network.get_submodule(layer).register_forward_hook(lambda _, __, out: read.append(out))
    network(images)
    hook.remove()
    return read[-1]


def positive(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.abs() + 0.01)
    return settled(network.double())


def check(network: nn.Module, shape: tuple[int, ...], layer: str = "") -> ReceptiveField:
    network = positive(network)
    found = field(network, torch.rand(shape, dtype=torch.float64), layer)
    for axis, spans in enumerate((found.rows, found.cols)):
        known = [span if span[0] < span[1] else [0, 0] for span in spans.tolist()]
        assert known == supports(network, shape, layer, axis)
    return found


class Interpolating(nn.Module):
    def __init__(self, size: tuple[int, int] | None, **options: Any) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 2, 3, 2, 1), nn.Conv2d(2, 1, 3, padding=1)
        self.size, self.options = size, options

    def forward(self, x: Tensor) -> Tensor:
        scale = None if self.size else 2.0
        larger = functional.interpolate(self.first(x), self.size, scale, **self.options)
        out: Tensor = self.last(larger)
        return out


class Shuffled(nn.Module):
    """Splits, shuffles and joins channels, as ShuffleNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 2, 3, stride=1, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(1, 2, 2, *x.shape[2:]).transpose(1, 2).reshape(1, 4, *x.shape[2:])
        left, right = x.chunk(2, dim=1)
        return torch.cat([left, self.one(right)], dim=1)


class Excited(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 3, padding=1)
        self.gate = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.maps(x)
        out: Tensor = maps * self.gate(maps.mean((2, 3), keepdim=True)).sigmoid()
        return out


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        nn.Conv2d(1, 1, (3, 5), stride=(2, 3), padding=(1, 0)),
        nn.Conv2d(1, 1, 3, dilation=3, padding=4, stride=2),
        nn.Conv2d(1, 1, 1, stride=3),
        nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3, padding=4), nn.Conv2d(1, 1, 3, padding=1)),
        nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
        nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 2)),
        nn.Sequential(nn.ZeroPad2d((3, 0, 1, 2)), nn.Conv2d(1, 1, 3, padding=2)),
        nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.ConvTranspose2d(2, 1, (3, 4), (2, 3), (1, 0))),
        Interpolating(None, mode="nearest"),
        Interpolating(None, mode="bilinear"),
        Interpolating((13, 29), mode="nearest"),
        Interpolating((15, 29), mode="bilinear", align_corners=True),
    ],
    ids=str,
)
def test_each_place_sees_exactly_where_its_gradient_comes_from(network: nn.Module) -> None:
    check(network, (1, 1, 18, 22))


def test_branches_are_joined() -> None:
    """Behind a dilated kernel the places in its gaps count too, so a border may lie farther out."""
    network, shape = positive(Zoo()), (1, 1, 33, 41)
    found = field(network, torch.rand(shape, dtype=torch.float64), "last")
    for axis, spans in enumerate((found.rows, found.cols)):
        known = np.array(supports(network, shape, "last", axis))
        assert (spans[:, 0] <= known[:, 0]).all() and (spans[:, 1] >= known[:, 1]).all()
        assert (spans == known).all(axis=1).mean() > 0.9


def test_channels_may_be_shuffled() -> None:
    found = check(nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), Shuffled()), (1, 1, 17, 17))
    assert found.extent == (7, 7)


@pytest.mark.parametrize(
    ("name", "layer", "extent"),
    [
        # Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
        # Distill 2019, has these numbers for the layers of ResNet and VGG.
        ("resnet18", "conv1", 7),
        ("resnet18", "maxpool", 11),
        ("resnet18", "layer1", 43),
        pytest.param("resnet18", "layer2", 99, marks=pytest.mark.slow),
        ("vgg16", "features.4", 6),
        ("vgg16", "features.9", 16),
        pytest.param("vgg16", "features.16", 44, marks=pytest.mark.slow),
        pytest.param("vgg16", "features.30", 212, marks=pytest.mark.slow),
        pytest.param("alexnet", "features.12", 195, marks=pytest.mark.slow),
    ],
)
def test_well_known_networks_have_the_fields_that_are_published(
    name: str, layer: str, extent: int
) -> None:
    with torch.device("meta"):
        network: nn.Module = models.get_model(name)
    network = network.to_empty(device="cpu") if name != "vgg16" else without_end(network)
    side = 256 if extent > 100 else 128  # no larger than the field needs
    found = field(network, torch.zeros(1, 3, side, side), layer)
    assert found.extent == (extent, extent)
    assert (found.rows == found.cols).all()


def without_end(vgg: Any) -> nn.Module:
    """VGG16 less its linear layers, which would take half a gigabyte."""
    vgg.classifier = nn.Identity()
    made: nn.Module = vgg.to_empty(device="cpu")
    return made


def test_it_is_clipped_at_the_borders_and_moves_by_the_stride() -> None:
    found = field(nn.Conv2d(3, 4, 7, stride=2, padding=3), torch.zeros(1, 3, 12, 20))
    assert found.rows.tolist() == [[0, 4], [0, 6], [1, 8], [3, 10], [5, 12], [7, 12]]
    assert found.cols[4:6].tolist() == [[5, 12], [7, 14]]
    assert found.size == (12, 20)


def test_what_reads_padding_alone_sees_nothing() -> None:
    found = field(nn.Conv2d(1, 1, 1, padding=2), torch.zeros(1, 1, 2, 2))
    assert np.diff(found.rows).ravel().tolist() == [0, 0, 1, 1, 0, 0]


def test_what_looks_everywhere_says_so() -> None:
    images = torch.zeros(1, 1, 8, 10)
    for network in (Excited(), nn.Sequential(nn.Conv2d(1, 4, 1), nn.GroupNorm(2, 4))):
        found = field(network, images)
        assert found.unbounded
        assert found.extent == (8, 10)
    assert not field(Excited(), images, "maps").unbounded
    pooled = field(nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1)), images)
    assert pooled.rows.tolist() == [[0, 8]] and not pooled.unbounded  # there is but one place


def test_a_flat_layer_has_one_place() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(96, 5))
    found = field(network, torch.zeros(1, 1, 8, 10), "2")
    assert (found.rows.tolist(), found.cols.tolist()) == ([[0, 8]], [[0, 10]])


class Undecided(nn.Module):
    """Its path depends on the values, before or behind its convolution."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 1, 3)
        self.early = early

    def forward(self, x: Tensor) -> Tensor:
        if self.early and x.sum() > 1e9:
            return x
        maps: Tensor = self.maps(x)
        return maps if maps.sum() > 1e9 else -maps


def test_what_cannot_be_recorded_looks_everywhere() -> None:
    images = torch.zeros(1, 1, 8, 8)
    assert field(Undecided(early=True), images, "maps").unbounded
    assert field(Undecided(early=False), images, "maps").extent == (3, 3)


class HandMadeCircle(nn.Module):
    """Circular padding written into slices, where autograd sees it or not."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.maps, self.how = nn.Conv2d(1, 2, 3), how

    def forward(self, x: Tensor) -> Tensor:
        y = functional.pad(x, (1, 1, 1, 1))
        if self.how == "select":
            y[:, :, 0, 1:-1] = x[:, :, -1]
        else:
            y.data[:, :, :1, 1:-1].copy_(x.detach()[:, :, -1:])
        maps: Tensor = self.maps(y)
        return maps


@pytest.mark.parametrize("how", ["select", "data"])
def test_what_is_written_into_slices_is_not_overlooked(how: str) -> None:
    images = torch.zeros(1, 1, 12, 8)
    assert field(HandMadeCircle(how), images, "maps").unbounded


def test_a_field_that_does_not_hold_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2)), torch.zeros(1, 1, 12, 8)
    assert field(network, images, "0").extent == (5, 5)
    narrow = np.stack([np.arange(12), np.arange(12) + 1], axis=1)
    monkeypatch.setattr(receptive, "_spans", lambda _, places, *__: narrow[:places])
    assert field(network, images, "0").unbounded


def test_nothing_is_left_on_the_network() -> None:
    network = Excited()
    field(network, torch.zeros(1, 1, 8, 8), "maps")
    assert not any(part._forward_hooks for part in network.modules())


@pytest.mark.parametrize("border", [250, 384])
def test_of_the_shipped_segmenters_architecture_nan_comes_just_as_far(border: int) -> None:
    network = UNet(classes=1).eval()
    found = field(network, torch.zeros(1, 3, 64, 768))
    left, right = torch.zeros(2, 1, 3, 64, 768)
    left[..., :border], right[..., border:] = torch.nan, torch.nan
    with torch.inference_mode():
        before, after = (network(images)[0, 0].isnan().any(0).numpy() for images in (left, right))
    assert (before == (found.cols[:, 0] < border)).all()
    assert (after == (found.cols[:, 1] > border)).all()
