"""What torchvision's detectors share as architectures: padding, class columns, no memory.

torchvision's detectors normalise and resize by themselves, and answer lists of detections after
suppression. Here the card alone says how an image becomes the input, and the answer is
`Candidates`. With torchvision's own suppression these give torchvision's own detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList


class ClassColumns(nn.Module):
    """Which columns of a network's class logits are classes.

    torchvision's column 0 is the background, and of the 90 others that its COCO weights have, ten
    belong to categories that the data set dropped. `columns` are those that stay, in the order of
    the card's labels. Default: all but column 0.
    """

    columns: Tensor
    rest: Tensor

    def __init__(self, width: int, columns: Sequence[int] | None) -> None:
        super().__init__()
        chosen = range(1, width) if columns is None else columns
        if max(chosen, default=0) >= width:
            raise ValueError(f"{width} class columns are too few for the card's labels")
        rest = sorted(set(range(width)) - set(chosen))
        self.register_buffer("columns", torch.tensor(list(chosen)), persistent=False)
        self.register_buffer("rest", torch.tensor(rest), persistent=False)

    def independent(self, logits: Tensor) -> Tensor:
        """(..., C) logits of a sigmoid to (..., K): the other columns are left out."""
        return logits[..., self.columns]

    def exclusive(self, logits: Tensor) -> Tensor:
        """(..., C) logits of a softmax to (..., K + 1), background first.

        The background's logit is log(sum(exp)) of all columns that are no class, so that the
        classes keep their probabilities.
        """
        background = logits[..., self.rest].logsumexp(-1, keepdim=True)
        return torch.cat([background, logits[..., self.columns]], dim=-1)


class Forgetful(nn.Module):
    """Runs a copy of a module without parameters: what that remembers of a call ends with it.

    torchvision's RoI pooling keeps the scales of the first image that it sees, and its anchors
    stay in the device and the precision of the last one.
    """

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *inputs: Any) -> Any:
        return copy(self.part)(*inputs)


def padded(images: Tensor, multiple: int) -> ImageList:
    """The images, with zeros at the right and bottom up to a multiple, and their sizes without.

    Zero is the mean colour, as the images are normalised already.
    """
    height, width = images.shape[-2:]
    sides = (0, -width % multiple, 0, -height % multiple)
    return ImageList(functional.pad(images, sides), [(height, width)] * len(images))


def centres(boxes: Tensor) -> Tensor:
    """(..., 4) boxes to (..., 2) x, y."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2
