"""FCOS on EfficientNet-Lite0: an anchor-free detector small enough for a CPU.

Every location of three feature maps says how far the four sides of an object's box are from it,
and how well each class describes that box. There is no background class and no centredness: the
class scores are trained to be the overlap of the box with the object, so that they alone rank.

    pixels -> mean of shrink x shrink -> EfficientNet-Lite0, five stages
           -> maps of 24, 40 and 112 channels at strides 4, 8 and 16 times `shrink`
           -> feature pyramid (coarse added to fine) -> a head per level

Nothing is pooled over the whole image, so that an image moved by a multiple of `FCOS.stride`
gives the same candidates, moved; tiles with a wide enough halo equal the whole.

Sources: Tian et al., "FCOS: fully convolutional one-stage object detection", ICCV 2019; Lin et
al., "Feature pyramid networks for object detection", CVPR 2017; Li et al., "Generalized focal
loss", NeurIPS 2020 (scores that are overlaps); Ge et al., "YOLOX", 2021 (a head per level).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.models.architecture import Architecture, Candidates
from brightfield.models.efficientnet_lite import STAGES, STEM, ConvNorm, trunk

_TAPPED = (2, 3, 5)  # stages whose last maps go into the pyramid
_STRIDES = (4, 8, 16)  # theirs, in pixels of the shrunk image
_PRIOR = 0.01  # every class score before training; Lin et al., "Focal loss", ICCV 2017
_BOX = 6.0  # side of every box before training, in strides


class Separable(nn.Sequential):
    """A depthwise 3 x 3 and a pointwise convolution, each normalised and cut by ReLU6."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(ConvNorm(inputs, inputs, 3, groups=inputs), ConvNorm(inputs, outputs))


class DetectionHead(nn.Module):
    """Maps (B, width, h, w) to class logits (B, K, h, w) and log distances (B, 4, h, w)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.what = nn.Sequential(Separable(width, width), Separable(width, width))
        self.where = nn.Sequential(Separable(width, width), Separable(width, width))
        self.logits = _output(width, classes, -math.log(1 / _PRIOR - 1))
        self.distances = _output(width, 4, math.log(_BOX / 2))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits(self.what(maps)), self.distances(self.where(maps))


def _output(width: int, channels: int, bias: float) -> nn.Conv2d:
    """A pointwise convolution that gives nearly `bias` before training."""
    convolution = nn.Conv2d(width, channels, 1)
    nn.init.normal_(convolution.weight, std=0.01)
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, bias)
    return convolution


class FCOS(Architecture):
    """(B, 3, H, W) normalised images to `Candidates`, finest level first, each row by row.

    H and W are multiples of `stride`, 16 `shrink`. A side s gives (s / 4 shrink)^2 +
    (s / 8 shrink)^2 + (s / 16 shrink)^2 candidates in a square.
    """

    def __init__(self, *, classes: int, width: int = 96, shrink: int = 2) -> None:
        super().__init__()
        self.strides = tuple(shrink * stride for stride in _STRIDES)
        self.shrink = nn.AvgPool2d(shrink) if shrink > 1 else nn.Identity()
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        self.blocks = nn.Sequential(*trunk(stages=_TAPPED[-1]))
        self._taps = [sum(stage.blocks for stage in STAGES[:end]) - 1 for end in _TAPPED]
        self.laterals = nn.ModuleList(
            ConvNorm(STAGES[end - 1].channels, width, active=False) for end in _TAPPED
        )
        self.smooth = nn.ModuleList(Separable(width, width) for _ in _TAPPED)
        self.heads = nn.ModuleList(DetectionHead(width, classes) for _ in _TAPPED)

    @property
    def stride(self) -> int:
        """Pixels by which an image may be moved; its sides are multiples of it."""
        return self.strides[-1]

    def forward(self, images: Tensor) -> Candidates:
        levels = self._pyramid(self._backbone(images))
        found = []
        for head, maps, stride in zip(self.heads, levels, self.strides, strict=True):
            logits, distances = head(maps)
            found.append(_candidates(logits, distances, stride))
        return Candidates(*(torch.cat(parts, 1) for parts in zip(*found, strict=True)))

    def _backbone(self, images: Tensor) -> list[Tensor]:
        maps = self.stem(self.shrink(images))
        tapped = []
        for index, block in enumerate(self.blocks):
            maps = block(maps)
            if index in self._taps:
                tapped.append(maps)
        return tapped

    def _pyramid(self, tapped: list[Tensor]) -> list[Tensor]:
        """Fine to coarse: each level its own maps plus the coarser level's, enlarged."""
        maps = [lateral(part) for lateral, part in zip(self.laterals, tapped, strict=True)]
        for fine in reversed(range(len(maps) - 1)):
            enlarged = functional.interpolate(maps[fine + 1], scale_factor=2.0, mode="nearest")
            maps[fine] = maps[fine] + enlarged
        return [smooth(part) for smooth, part in zip(self.smooth, maps, strict=True)]


def _candidates(logits: Tensor, distances: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (B, n, 4), logits (B, n, K) and points (B, n, 2) of one level."""
    points = centres(logits.shape[-2], logits.shape[-1], stride, logits.device)
    points = points.expand(logits.shape[0], -1, -1)
    sides = stride * distances.flatten(2).transpose(1, 2).float().exp()
    return around(points, sides), logits.flatten(2).transpose(1, 2).float(), points


def centres(rows: int, columns: int, stride: int, device: torch.device) -> Tensor:
    """(1, rows columns, 2) the x, y of the middles of cells of `stride` pixels, row by row."""
    x = (torch.arange(columns, device=device) + 0.5) * stride
    y = (torch.arange(rows, device=device) + 0.5) * stride
    grid = torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], -1)
    return grid.reshape(1, -1, 2)


def around(points: Tensor, distances: Tensor) -> Tensor:
    """Boxes (..., 4) from points (..., 2) and the distances to left, top, right, bottom.

    (x - left, y - top, x + right, y + bottom)
    """
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], -1)
