"""What a model saw of an image, and what it put out: of this, targets of explanation are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield.cards import ModelCard
from brightfield.geometry import Geometry
from brightfield.images.picture import Picture, Region


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """The `output` of a model for one image (first dimension 1, on the CPU, before the card's
    activation), and where the model's input lies in the `picture`."""

    output: Any
    card: ModelCard
    picture: Picture
    geometry: Geometry

    @property
    def field(self) -> Region:
        """The part of the picture that was asked about: all of it, or a region."""
        x, y = self.geometry.x, self.geometry.y
        return Region(
            int(x.begin), int(y.begin), int(x.end) - int(x.begin), int(y.end) - int(y.begin)
        )
