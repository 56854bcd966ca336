"""Named aliases for tensors and arrays: shape, dtype and range are part of the name's meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield_painting.arrays import Map, Pixels, Rgb, UnitPixels

__all__ = [
    "Images",
    "Indices",
    "Logits",
    "Map",
    "Pixels",
    "Rgb",
    "Scores",
    "UnitPixels",
    "chunked",
]

Images = torch.Tensor
"""(B, C, H, W) float, as the model takes them: scaled, normalised, on the model's device."""

Scores = torch.Tensor
"""(B, T) float: one unnormalised score per image and target."""

Logits = torch.Tensor
"""(B, K) float, a classifier's output before softmax or sigmoid."""

Indices = NDArray[np.int64]
"""Positions in another array."""


def chunked(images: Iterable[torch.Tensor], size: int) -> Iterator[Images]:
    """Stacks of at most `size` images (C, H, W), made one at a time as they are asked for."""
    source = iter(images)
    while chunk := list(islice(source, size)):
        yield torch.stack(chunk)
