"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6 for swish.

Every block is an inverted residual (expand 1 x 1, depthwise k x k, project 1 x 1). Stem and head
keep their width, and the first and last stage their depth, at every scale. Strided convolutions
are padded as TensorFlow's `SAME` does, which for an even side puts the odd pixel at the right and
bottom: with the published lite0 weights scikit-image's `coffee` is an espresso with 0.951 so, and
with 0.934 under PyTorch's symmetric padding.

    name    width  depth  dropout  input
    lite0    1.0    1.0     0.2     224
    lite1    1.0    1.1     0.2     240
    lite2    1.1    1.2     0.3     260
    lite3    1.2    1.4     0.3     280
    lite4    1.4    1.8     0.3     300

Sources: Tan and Le, "EfficientNet", ICML 2019; R. Liu, "Higher accuracy on vision models with
EfficientNet-Lite", TensorFlow blog, 2020.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from brightfield.models.architecture import Architecture

STEM, HEAD = 32, 1280


class Stage(NamedTuple):
    """Blocks of one width; only the first of them has the stage's stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)

_PUBLISHED = (
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_blocks\.(\d+)\._(expand|depthwise|project)_conv\.", r"blocks.\1.\2.conv."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.expand.norm."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.depthwise.norm."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.project.norm."),
    (r"^_conv_head\.", "head.conv."),
    (r"^_bn1\.", "head.norm."),
    (r"^_fc\.", "classifier."),
)


class SamePadding(nn.Module):
    """Zeros around (B, C, H, W) so that a convolution yields ceil(side / stride) per side.

    The total is max((ceil(side / stride) - 1) stride + kernel - side, 0), the smaller half first.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, images: Tensor) -> Tensor:
        top, bottom = self._sides(images.shape[-2])
        left, right = self._sides(images.shape[-1])
        return functional.pad(images, (left, right, top, bottom))

    def _sides(self, side: int) -> tuple[int, int]:
        outputs = -(-side // self.stride)
        total = max((outputs - 1) * self.stride + self.kernel - side, 0)
        return total // 2, total - total // 2

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


class ConvNorm(nn.Sequential):
    """Padding where there is a stride, convolution, batch normalisation, and ReLU6 if `active`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        padding = kernel // 2 if stride == 1 else 0
        parts: dict[str, nn.Module] = {} if stride == 1 else {"pad": SamePadding(kernel, stride)}
        parts["conv"] = nn.Conv2d(
            inputs, outputs, kernel, stride, padding, groups=groups, bias=False
        )
        parts["norm"] = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        if active:
            parts["act"] = nn.ReLU6()
        super().__init__(OrderedDict(parts))


class InvertedResidual(nn.Module):
    """Inverted residual: expand, depthwise, project; added to its input where the shapes agree."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = ConvNorm(inputs, width) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(width, width, kernel, stride=stride, groups=width)
        self.project = ConvNorm(width, outputs, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        projected: Tensor = self.project(self.depthwise(self.expand(maps)))
        return maps + projected if self.residual else projected


class EfficientNetLite(Architecture):
    """(B, 3, H, W) normalised images to (B, classes) logits.

    Any side of at least 32 pixels works; accuracy is best at the table's input size. With fewer
    than seven `stages` the network ends early (five: 112 channels, a sixteenth of the side) and
    `head` is the number of channels that are pooled: small and quick, for few classes.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        depth: float = 1.0,
        dropout: float = 0.2,
        classes: int = 1000,
        stages: int = len(STAGES),
        head: int = HEAD,
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        self.blocks = nn.Sequential(*trunk(width, depth, stages))
        self.head = ConvNorm(_scaled_width(STAGES[stages - 1].channels, width), head)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(head, classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.head(self.blocks(self.stem(images)))
        logits: Tensor = self.classifier(self.dropout(self.flatten(self.pool(maps))))
        return logits

    @classmethod
    def rename(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """From the names of the published PyTorch port (`_blocks.0._depthwise_conv.weight`)."""
        return {_renamed(key): tensor for key, tensor in state.items()}


def _renamed(key: str) -> str:
    for pattern, replacement in _PUBLISHED:
        renamed, hits = re.subn(pattern, replacement, key)
        if hits:
            return renamed
    return key


def trunk(
    width: float = 1.0, depth: float = 1.0, stages: int = len(STAGES)
) -> Iterator[InvertedResidual]:
    """The blocks of the first `stages` stages (1 to 7), which follow the stem.

    Raises `ValueError` for another number of stages.
    """
    if not 1 <= stages <= len(STAGES):
        raise ValueError(f"stages is {stages}; it goes from 1 to {len(STAGES)}")
    inputs = STEM
    for stage in STAGES[:stages]:
        outputs = _scaled_width(stage.channels, width)
        fixed = stage in (STAGES[0], STAGES[-1])
        for index in range(stage.blocks if fixed else math.ceil(stage.blocks * depth)):
            yield InvertedResidual(
                inputs,
                outputs,
                kernel=stage.kernel,
                stride=stage.stride if index == 0 else 1,
                expansion=stage.expansion,
            )
            inputs = outputs


def _scaled_width(channels: int, width: float) -> int:
    """The multiple of 8 nearest to `channels * width`, but never less than nine tenths of it."""
    exact = channels * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8
