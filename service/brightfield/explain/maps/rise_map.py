"""The result of /occlusion by random masks: the mean score while a pixel can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.verdict import NO_CHANGE, is_noise, notes_on, rounding
from brightfield.geometry import Geometry
from brightfield.images.heat import Heat, placed_json
from brightfield.images.picture import Note
from brightfield.results import MapSpace, Raster, finite
from brightfield.targets import Target
from brightfield.tensors import Map


@dataclass(frozen=True)
class RiseMap(Explanation):
    """`values` (T, h, w) on the model's input grid, `base` (T,) of the whole image, and `mean`
    (T,), the score over all masks: pixels above it support the target. In JSON the map is
    `signed`, about `mean_score` in place of 0."""

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "tiff", "npy", "overlay")
    targets: Sequence[Target]
    base: NDArray[np.float64]
    values: NDArray[np.float32]
    geometry: Geometry
    mean: NDArray[np.float64]
    facts: dict[str, Any]
    notes: tuple[Note, ...] = ()

    def payload(self, space: MapSpace) -> dict[str, Any]:
        values = self.raster(space).array
        return {
            "grid": None,
            "targets": [target.payload() for target in self.targets],
            "base": [finite(value) for value in self.base],
            "scores": None,
            "map": placed_json(values, self.geometry, space, signed=True),
            "mean_score": [finite(value) for value in self.mean],
            **self.facts,
        }

    def judged(self) -> RiseMap:
        about, noise = self._about(), rounding(float(abs(self.base[0])))
        stated = self.stating(*notes_on(about, noise, NO_CHANGE))
        if not is_noise(about, noise):
            return stated
        values = self.values.copy()
        values[0] = self.mean[0]
        return replace(stated, values=values)

    @property
    def about_targets(self) -> Sequence[Target]:
        return self.targets

    @property
    def reading(self) -> str:
        told = self.targets[0].told
        return f"mean of {told} while the place is visible: red above the mean of all masks"

    @property
    def main(self) -> Map:
        first: Map = self.values[0]
        return first

    def raster(self, space: MapSpace) -> Raster:
        if space == "input":
            return Raster(self.values, "CYX")
        return Raster(np.stack([self.geometry.to_image(one) for one in self.values]), "CYX")

    def heat(self) -> Heat:
        """The first target's map about its mean: red supports the target."""
        return Heat(
            self.geometry.to_image(self._about()),
            signed=True,
            region=self.geometry.region_in_image,
            zero=float(self.mean[0]),
        )

    def _about(self) -> Map:
        about: Map = (self.values[0] - self.mean[0]).astype(np.float32)
        return about
