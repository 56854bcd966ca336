"""Activations: the feature maps that a layer makes of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.images.contact_sheet import Row, SheetCell, columns_for, contact_sheet, fitted
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.objects import Box
from brightfield.images.picture import Note
from brightfield.results import MapSpace, Raster, Result, ResultTable, array_json, finite
from brightfield.tasks.kinds.layer import LayerReading
from brightfield.tasks.units.inside import Placed
from brightfield.tensors import Map, Pixels
from brightfield_painting import ColorScale, heatmap, overlay

# Maps on a sheet where nobody names units, and where somebody does.
_SHOWN, _MOST_SHOWN = 100, 400
_SIDE = 112


@dataclass(frozen=True, slots=True)
class UnitActivity:
    """One unit's map in numbers: its greatest value (None where none is finite) and its mean, and
    the place (row, column) of the greatest, in image pixels `centre` and what it sees, `box`."""

    unit: int
    max: float | None
    mean: float | None
    place: tuple[int, int]
    centre: tuple[float, float]
    box: Box

    def payload(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "max": self.max,
            "mean": self.mean,
            "place": list(self.place),
            "position": {"x": self.centre[0], "y": self.centre[1]},
            "box": self.box.json(),
        }


@dataclass(frozen=True)
class FeatureMaps(Result):
    """`maps` (U, h, w) float32 of the `units`, on the layer's own grid, raw values.

    A picture shows each map in its own colours, from 0 upwards, or blue below and red above 0 in a
    layer with negative values; where nobody chose units, those of the hundred greatest maxima.
    `overlay` lays each over what the model sees of the image.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "overlay", "npy", "tiff", "csv")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "alpha": ("overlay",),
        "legend": ("png", "overlay"),
    }
    placed: Placed
    units: tuple[int, ...]
    maps: NDArray[np.float32]
    chosen: bool

    @cached_property
    def activity(self) -> tuple[UnitActivity, ...]:
        known = np.where(np.isfinite(self.maps), self.maps, -np.inf).reshape(len(self.maps), -1)
        at = known.argmax(axis=1)
        places = np.unravel_index(at, self.maps.shape[1:])
        means = self.maps.mean(axis=(1, 2), dtype=np.float64)
        return tuple(
            UnitActivity(
                unit,
                finite(float(known[index, at[index]])),
                finite(float(means[index])),
                (int(places[0][index]), int(places[1][index])),
                self.placed.centre(int(places[0][index]), int(places[1][index])),
                self.placed.box(int(places[0][index]), int(places[1][index])),
            )
            for index, unit in enumerate(self.units)
        )

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "layer": self.placed.layer,
            "units": [found.payload() for found in self.activity],
            "maps": array_json(self.maps),
            "receptive_field": self.placed.facts(),
        }

    def raster(self, space: MapSpace) -> Raster:
        """The layer's own grid, in either space."""
        return Raster(self.maps, "CYX")

    def table(self) -> ResultTable:
        columns = ("unit", "max", "mean", "row", "column", "x", "y", "xmin", "ymin", "xmax", "ymax")
        rows = [
            (found.unit, found.max, found.mean, *found.place, *found.centre,
             found.box.xmin, found.box.ymin, found.box.xmax, found.box.ymax)
            for found in self.activity
        ]  # fmt: skip
        return ResultTable(columns, rows)

    def image(self) -> Pixels:
        return self._sheet(lambda values: heatmap(values, signed=self._signed))

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        bar = ColorScale(-1.0 if self._signed else 0.0, 1.0, self._signed)
        each = (
            f"{len(list(self._shown()))} of {len(self.units)} units: number and greatest value. "
            "Each has colours of its own: 1 is the 99.5th percentile of its magnitudes."
        )
        return with_legend(picture, PictureLegend((*title, each), bar))

    def left_out(self, form: str) -> Sequence[Note]:
        shown = min(_SHOWN, len(self.units))
        if form not in ("png", "overlay") or self.chosen or shown == len(self.units):
            return ()
        detail = (
            f"The picture shows the {shown} of {len(self.units)} units with the greatest values; "
            "name others with units=."
        )
        return (Note("units_left_out", detail),)

    @property
    def about(self) -> dict[str, str]:
        return {"layer": self.placed.layer}

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        x, y, width, height = self.placed.geometry.region_in_image
        left, top, right, bottom = int(x), int(y), math.ceil(x + width), math.ceil(y + height)
        small = fitted(picture[top:bottom, left:right], _SIDE)
        part = self.placed.geometry.within(left, top, right - left, bottom - top)
        geometry = part.shown(*small.shape[:2])

        def drawn(values: Map) -> NDArray[np.uint8]:
            return overlay(
                small,
                geometry.to_image(values),
                signed=self._signed,
                alpha=alpha,
                region=geometry.region_in_image,
            )

        return self._sheet(drawn)

    @property
    def _signed(self) -> bool:
        return bool((self.maps < 0).any())

    def _sheet(self, drawn: Callable[[Map], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        tiles = [
            SheetCell((drawn(self.maps[index]),), _caption(self.activity[index]))
            for index in self._shown()
        ]
        columns = columns_for(len(tiles))
        rows = [Row(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
        return contact_sheet(rows, _SIDE)

    def _shown(self) -> Iterable[int]:
        if self.chosen:
            if len(self.units) > _MOST_SHOWN:
                raise InvalidParameter(
                    f"A picture shows {_MOST_SHOWN} units at most, not {len(self.units)}; name "
                    "fewer, or take format=npy."
                )
            return range(len(self.units))
        peaks = [-math.inf if found.max is None else found.max for found in self.activity]
        return sorted(map(int, np.argsort(-np.array(peaks), kind="stable")[:_SHOWN]))


def _caption(found: UnitActivity) -> str:
    return f"{found.unit}: {'-' if found.max is None else format(found.max, '.3g')}"


class ReadActivations(LayerReading):
    """What a layer makes of an image: a map for each unit, and where it is greatest."""

    result: ClassVar[type[Result]] = FeatureMaps
    borrows: ClassVar[str | None] = "classify"

    def postprocess(self, maps: torch.Tensor, placed: Placed) -> FeatureMaps:
        array = maps[0].numpy()
        units = self.units if self.units is not None else tuple(range(len(array)))
        return FeatureMaps(placed, units, array, self.units is not None)
