"""Cutting a stream of images into chunks of a batch's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import torch

from brightfield.tensors import Images


def chunked(images: Iterable[torch.Tensor], size: int) -> Iterator[Images]:
    """Stacks of at most `size` images (C, H, W), made one at a time as they are asked for."""
    source = iter(images)
    while chunk := list(islice(source, size)):
        yield torch.stack(chunk)
