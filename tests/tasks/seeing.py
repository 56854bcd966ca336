"""What a model would have seen, for outputs that are made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from brightfield.cards import ModelCard
from brightfield.geometry import Axis, Geometry
from brightfield.images.picture import Picture, Region
from brightfield.tasks.targets.model_output import ModelOutput


def seen(
    output: Any, card: ModelCard, size: tuple[int, int] = (1, 1), region: Region | None = None
) -> ModelOutput:
    """An image of (height, width), or a part of it, whose pixels are those of the input."""
    height, width = size
    part = region or Region(0, 0, width, height)
    geometry = Geometry(Axis.of(width, part.x, part.width), Axis.of(height, part.y, part.height))
    picture = Picture(np.zeros((height, width, 3), np.uint8), "0" * 64, "png", "YXC")
    return ModelOutput(output, card, picture, geometry)
