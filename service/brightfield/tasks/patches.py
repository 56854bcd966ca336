"""Patches: the parts of many images that excite the units of a layer most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from brightfield.images.contact_sheet import Row, SheetCell, contact_sheet
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.picture import Note
from brightfield.results import MapSpace, Result, ResultTable
from brightfield.tasks.kinds.unit_search import UnitSearch
from brightfield.tasks.units.patch import Patch
from brightfield.tasks.units.top_activations import TopActivations
from brightfield.tensors import Pixels, Rgb

_SIDE = 96
# On a sheet, and passes back through the model.
_MOST_PATCHES = 400


@dataclass(frozen=True)
class Patches(Result):
    """The patches of each unit, the most exciting first; the units in the order asked for, or else
    by the sum of their values. `rule` says how gradients were taken: `guided` or `plain`."""

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "csv")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {"legend": ("png",)}
    layer: str
    units: Mapping[int, Sequence[Patch]]
    rule: str
    names: Sequence[str | None] = ()
    """Of the images' files, where they are known."""

    def named(self, names: Sequence[str | None]) -> Patches:
        return replace(self, names=names)

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

    @property
    def about(self) -> dict[str, str]:
        return {"layer": self.layer}

    def explained(self, picture: Rgb, title: Sequence[str]) -> Rgb:
        each = (
            "A row for each unit: its patches, the most exciting first, with value and image; "
            f"beside each the gradient of the value ({self.rule}), grey where it is 0."
        )
        return with_legend(picture, PictureLegend((*title, each)))

    def image(self) -> Pixels:
        """A row per unit: each patch with its gradient beside it, and its value."""
        rows = [
            Row([self._tile(patch) for patch in patches], f"unit {unit}")
            for unit, patches in self.units.items()
        ]
        return contact_sheet(rows, _SIDE)

    def _tile(self, patch: Patch) -> SheetCell:
        blank = np.full((1, 1, 3), 127, np.uint8)
        beside = blank if patch.gradient is None else patch.gradient
        known = self.names[patch.image] if patch.image < len(self.names) else None
        name = f"image {patch.image}" if known is None else PurePath(known).name
        return SheetCell((patch.picture, beside), f"{patch.value:.3g}, {name}")


class FindPatches(UnitSearch):
    """The patches of all images together that excite each unit of a layer most."""

    result: ClassVar[type[Result]] = Patches
    borrows: ClassVar[str | None] = "classify"

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

    def shown(self, top: TopActivations) -> dict[int, int]:
        if self.units is not None:
            return {unit: index for index, unit in enumerate(self.units)}
        return {unit: unit for unit in top.best(self.most)}

    def notes_on(self, top: TopActivations) -> Sequence[Note]:
        if self.units is not None or top.responding <= self.most:
            return ()
        detail = (
            f"{top.responding} units of the layer respond to the images, and the {self.most} with "
            "the greatest values are named; raise `most`, or name others with units=."
        )
        return (Note("units_left_out", detail),)

    def found(self, layer: str, units: Mapping[int, Sequence[Patch]], rule: str) -> Patches:
        return Patches(layer, units, rule)
