"""The result of /occlusion by regions: how much of the score each of them accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.regions.regions import Regions
from brightfield.explain.shapley.values import ShapleyValues
from brightfield.geometry import Geometry
from brightfield.images.heat import Heat, placed_json
from brightfield.images.picture import Note
from brightfield.results import MapSpace, Raster, ResultTable, array_json, finite
from brightfield.targets import Target
from brightfield.tensors import Map


@dataclass(frozen=True)
class RegionValues(Explanation):
    """`shapley` has (T, n) values of n regions; `base` (T,) are the scores of the whole image,
    `empty` (T,) those with every region hidden.

    The map has on every pixel the value of its region, and 0 where there is none.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "png", "tiff", "npy", "overlay")
    targets: Sequence[Target]
    base: NDArray[np.float64]
    empty: NDArray[np.float64]
    shapley: ShapleyValues
    regions: Regions
    geometry: Geometry
    facts: dict[str, Any]
    notes: tuple[Note, ...] = ()

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "grid": None,
            "targets": [target.payload() for target in self.targets],
            "base": [finite(value) for value in self.base],
            "empty": [finite(value) for value in self.empty],
            "scores": None,
            "map": placed_json(self.raster(space).array, self.geometry, space, signed=True),
            "weights": self._weights(),
            "labels": array_json(self.regions.labels),
            "additivity_gap": [finite(value) for value in self.gaps],
            **self.facts,
        }

    @property
    def gaps(self) -> NDArray[np.float64]:
        """(T,): |sum of all values - (base - empty)|."""
        gaps: NDArray[np.float64] = abs(self.shapley.values.sum(axis=1) - (self.base - self.empty))
        return gaps

    @property
    def about_targets(self) -> Sequence[Target]:
        return self.targets

    @property
    def reading(self) -> str:
        return f"each region's share of {self.targets[0].told}: red raises it, blue lowers it"

    @property
    def main(self) -> Map:
        return self.regions.painted(self.shapley.values[0])

    def raster(self, space: MapSpace) -> Raster:
        maps = [self.regions.painted(values) for values in self.shapley.values]
        if space == "image":
            maps = [self.geometry.to_image(one) for one in maps]
        return Raster(np.stack(maps), "CYX")

    def heat(self) -> Heat:
        """The map of the first target."""
        drawn = self.geometry.to_image(self.main)
        return Heat(drawn, signed=True, region=self.geometry.region_in_image)

    def table(self) -> ResultTable:
        """A row per target and region: its number, rectangle in image pixels, value and error."""
        columns = (
            "target", "class_id", "region", "xmin", "ymin", "xmax", "ymax", "pixels", "value",
            "standard_error",
        )  # fmt: skip
        rows = [
            (
                target.label,
                target.class_id,
                weight["region"],
                *weight["box"].values(),
                weight["pixels"],
                weight["values"][index],
                None if weight["standard_errors"] is None else weight["standard_errors"][index],
            )
            for index, target in enumerate(self.targets)
            for weight in self._weights()
        ]
        return ResultTable(columns, rows)

    def _weights(self) -> list[dict[str, Any]]:
        """What is known of each region, in the order of their numbers."""
        values, errors = self.shapley.values, self.shapley.errors
        described = zip(self.regions.numbers, self.regions.pixels(), strict=True)
        return [
            {
                "region": number,
                "pixels": pixels,
                "box": self.regions.box(number, self.geometry).json(),
                "values": [finite(value) for value in values[:, place]],
                "standard_errors": None
                if errors is None
                else [finite(error) for error in errors[:, place]],
            }
            for place, (number, pixels) in enumerate(described)
        ]
