"""The traced reach of small stacks whose reach is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.models import unet
from brightfield.models.architecture import Candidates
from brightfield.models.fcos import FCOS
from brightfield.models.inspection.reach import reach
from brightfield.models.subpixel import Subpixel


def conv(kernel: int, **options: Any) -> nn.Conv2d:
    padding = options.get("dilation", 1) * (kernel // 2)
    return nn.Conv2d(1, 1, kernel, padding=padding, **options)


def looked(network: nn.Module, channels: int = 1, multiple: int = 1) -> int | None:
    network.eval()
    with torch.inference_mode():
        return reach(network, channels, multiple)


@pytest.mark.parametrize(
    ("network", "multiple", "expected"),
    [
        (nn.Conv2d(1, 1, 1), 1, 0),
        (conv(3), 1, 1),
        (nn.Sequential(conv(3), nn.ReLU(), conv(5), nn.ReLU6(), conv(7)), 1, 1 + 2 + 3),
        (conv(3, dilation=6), 1, 6),
        (nn.Sequential(conv(3, dilation=2), conv(3, dilation=100)), 1, 102),
        (nn.Sequential(nn.MaxPool2d(5, 1, 2), nn.AvgPool2d(3, 1, 1)), 1, 3),
        (nn.Conv2d(1, 1, (1, 9), padding=(0, 4)), 1, 4),
        (nn.Conv2d(1, 1, (9, 1), padding=(4, 0)), 1, 4),
        # A cell of 2 pixels reads one before them, so the second pixel sees 2 to the left.
        (nn.Sequential(conv(3, stride=2), nn.Upsample(scale_factor=2)), 2, 2),
        # Then one cell more to either side.
        (nn.Sequential(conv(3, stride=2), conv(3), nn.Upsample(scale_factor=2)), 2, 4),
        (nn.Sequential(nn.AvgPool2d(4), conv(3), nn.Upsample(scale_factor=4)), 4, 4),
        # Maps of a quarter of the resolution are interpolated, which reads one cell more.
        (nn.AvgPool2d(4), 4, 4),
        (nn.Sequential(conv(3), nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 1)), 2, 2 + 2),
        (nn.Sequential(conv(3), nn.Upsample(scale_factor=2), conv(3)), 1, 1 + 1),
    ],
)
def test_stacks(network: nn.Module, multiple: int, expected: int) -> None:
    assert looked(network, multiple=multiple) == expected


def test_the_shipped_architectures_keep_what_they_say() -> None:
    for blocks in (1, 3):
        network = Subpixel(2, width=4, blocks=blocks)
        assert looked(network, 3) == network.radius
    found = looked(unet.UNet(), 3, 16)
    assert found is not None and found <= 121


def test_the_farthest_level_of_a_detector_counts() -> None:
    network = FCOS(classes=1, width=16)
    images = torch.randn(1, 3, 64, 2048, generator=torch.Generator().manual_seed(0))
    candidates = network.eval()(images.requires_grad_())
    coarsest = len(candidates.logits[0]) - 64 - 32  # its first row, in the middle
    assert candidates.points[0, coarsest].tolist() == [1040, 16]
    (gradient,) = torch.autograd.grad(candidates.logits[0, coarsest].sum(), images)
    columns = gradient[0].abs().amax(dim=(0, 1)).nonzero()
    farthest = max(1040 - int(columns.min()), int(columns.max()) - 1040)
    found = looked(network, 3, network.stride)
    assert found is not None
    # Tiles begin at multiples of the stride, so of the last stride only a part can matter.
    assert farthest - network.stride < found <= farthest + 1


class Shifted(nn.Module):
    """Looks to one side alone."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (17, 0))[..., : x.shape[-1]]


class Everywhere(nn.Module):
    def __init__(self, how: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return x + self.how(x)


def test_one_side_counts() -> None:
    assert looked(Shifted()) == 17


@pytest.mark.parametrize(
    "how",
    [
        lambda x: x.mean(dim=(2, 3), keepdim=True),
        lambda x: x.amax(dim=3, keepdim=True),
        nn.InstanceNorm2d(1),
        lambda x: x.flatten(2).softmax(2).view_as(x),
    ],
)
def test_what_looks_everywhere_has_no_bound(how: Callable[[Tensor], Tensor]) -> None:
    assert looked(Everywhere(how)) is None


def test_what_looks_farther_than_is_tried_has_no_bound() -> None:
    assert looked(nn.Sequential(conv(3, dilation=100), conv(3, dilation=250))) == 350
    assert looked(conv(3, dilation=600)) == 600
    assert looked(conv(3, dilation=800)) is None


def test_what_gives_no_maps_has_no_bound() -> None:
    assert looked(nn.Sequential(nn.Flatten(2), nn.Flatten())) is None


class Finding(nn.Module):
    """Cells of 8 pixels; what a candidate says depends on `what` and where its box is on `where`
    cells around it."""

    def __init__(self, what: int, where: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(8)
        self.what, self.where = conv(2 * what + 1), conv(2 * where + 1)

    def forward(self, x: Tensor) -> Candidates:
        maps = self.pool(x)
        height, width = maps.shape[-2:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        points = (torch.stack([x, y], -1).reshape(1, -1, 2) * 8 + 4).float()
        reached = self.where(maps).reshape(1, -1, 1)
        boxes = torch.cat([points - reached, points + reached], -1)
        return Candidates(boxes, self.what(maps).reshape(1, -1, 1), points)


@pytest.mark.parametrize(("what", "where", "cells"), [(1, 0, 1), (0, 2, 2), (3, 1, 3)])
def test_candidates_count_by_their_points(what: int, where: int, cells: int) -> None:
    # The point of the last cell that the border touches, and not that point itself.
    assert looked(Finding(what, where), multiple=8) == 8 * (cells - 1) + 4 + 1
