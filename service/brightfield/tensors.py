"""Named aliases for tensors and arrays: shape, dtype and range are part of the name's meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Images = torch.Tensor
"""(B, C, H, W) float, as the model takes them: scaled, normalised, on the model's device."""

Scores = torch.Tensor
"""(B, T) float: one unnormalised score per image and target."""

Logits = torch.Tensor
"""(B, K) float, a classifier's output before softmax or sigmoid."""

Pixels = NDArray[Any]
"""(H, W, C) of an image's own dtype: uint8, uint16, uint32, float32, ..."""

UnitPixels = NDArray[np.float32]
"""(H, W, C) float32 in [0, 1]: after intensity scaling, before mean and std."""

Map = NDArray[np.float32]
"""(H, W) float32: one value per pixel, signed where the method is."""

Rgb = NDArray[np.uint8]
"""(H, W, 3) uint8: a picture as it is drawn."""

Indices = NDArray[np.int64]
"""Positions in another array."""


def chunked(images: Iterable[torch.Tensor], size: int) -> Iterator[Images]:
    """Stacks of at most `size` images (C, H, W), made one at a time as they are asked for."""
    source = iter(images)
    while chunk := list(islice(source, size)):
        yield torch.stack(chunk)
