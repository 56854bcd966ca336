"""Patches: the parts of many images that excite the units of a layer most."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from brightfield.images import encode
from brightfield.images.contact_sheet import Row, SheetCell, contact_sheet
from brightfield.images.objects import Box
from brightfield.results import MapSpace, Result, ResultTable, finite
from brightfield.tasks.task import Task
from brightfield.tasks.units.inside import Inside
from brightfield.tasks.units.top_activations import TopActivations
from brightfield.tensors import Pixels, Rgb
from brightfield.work import Arity

_SIDE = 96
# On a sheet, and passes back through the model.
_MOST_PATCHES = 400


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The part `box` of an image, by its place among those sent, that gave a unit this `value` at
    (row, column) of its map; `centre` is that place in image pixels.

    `picture` (h, w, 3) are the image's pixels there, reduced where they are many. `gradient`
    (h', w', 3) is that of the value by the pixels of the model's input, 0 as middle grey; None
    where the value has none.
    """

    image: int
    value: float
    row: int
    column: int
    centre: tuple[float, float]
    box: Box
    picture: Rgb
    gradient: Rgb | None

    def payload(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "value": finite(self.value),
            "place": [self.row, self.column],
            "position": {"x": self.centre[0], "y": self.centre[1]},
            "box": self.box.json(),
            "patch": _png(self.picture),
            "guided": None if self.gradient is None else _png(self.gradient),
        }


def _png(pixels: Rgb) -> dict[str, str]:
    return {"format": "png", "data": base64.b64encode(encode.png(pixels)).decode("ascii")}


@dataclass(frozen=True)
class Patches(Result):
    """The patches of each unit, the most exciting first; the units in the order asked for, or else
    by the sum of their values. `rule` says how gradients were taken: `guided` or `plain`."""

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "csv")
    layer: str
    units: Mapping[int, Sequence[Patch]]
    rule: str

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "rule": self.rule,
            "units": [
                {"unit": unit, "patches": [patch.payload() for patch in patches]}
                for unit, patches in self.units.items()
            ],
        }

    def table(self) -> ResultTable:
        columns = ("unit", "rank", "image", "value", "x", "y", "xmin", "ymin", "xmax", "ymax")
        rows = [
            (unit, rank, patch.image, patch.value, *patch.centre,
             patch.box.xmin, patch.box.ymin, patch.box.xmax, patch.box.ymax)
            for unit, patches in self.units.items()
            for rank, patch in enumerate(patches, 1)
        ]  # fmt: skip
        return ResultTable(columns, rows)

    def image(self) -> Pixels:
        """A row per unit: each patch with its gradient beside it, and its value."""
        rows = [
            Row([_tile(patch) for patch in patches], f"unit {unit}")
            for unit, patches in self.units.items()
        ]
        return contact_sheet(rows, _SIDE)


def _tile(patch: Patch) -> SheetCell:
    blank = np.full((1, 1, 3), 127, np.uint8)
    beside = blank if patch.gradient is None else patch.gradient
    return SheetCell((patch.picture, beside), f"{patch.value:.3g}, image {patch.image}")


class FindPatches(Inside, Task):
    """The patches of all images together that excite each unit of a layer most."""

    result: ClassVar[type[Result]] = Patches
    arity: ClassVar[Arity] = "several"

    k: Annotated[int, Field(ge=1, le=64)] = 6
    """Patches per unit; of one image at most one of each neighbourhood."""
    most: Annotated[int, Field(ge=1, le=64)] = 6
    """How many units, where `units` names none: those whose patches have the greatest sum
    of values."""

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        count = self.most if self.units is None else len(self.units)
        if count * self.k > _MOST_PATCHES:
            raise ValueError(
                f"{count} units with {self.k} patches each are {count * self.k}, and "
                f"{_MOST_PATCHES} are the most; lower k, or name fewer units"
            )
        return self

    def gallery(self) -> TopActivations:
        return TopActivations(self.k)

    def shown(self, gallery: TopActivations) -> dict[int, int]:
        """The units to show, each with its number among the maps that the gallery got."""
        if self.units is not None:
            return {unit: index for index, unit in enumerate(self.units)}
        return {unit: unit for unit in gallery.best(self.most)}
