"""The answer of /patches."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from PIL import Image as PillowImage

from brightfield_client.pictures import inline_png
from brightfield_client.results._shapes import Point
from brightfield_client.results.batch import ItemError
from brightfield_client.results.binary import Binary
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.places import PLACE, Box
from brightfield_client.results.result import Result
from brightfield_client.results.saving import Writers
from brightfield_client.results.table import Cells, Listing, Table, cells, columns
from brightfield_client.results.value import Json, Value, at


def _opened(value: Json) -> PillowImage.Image:
    return Binary(base64.b64decode(value["data"], validate=True), "image/png", {}).picture()


@dataclass(frozen=True, kw_only=True)
class Patch(Value):
    """The part `box` of an image that gave a unit this `value`.

    `image` is the image's place among those that were asked about, `place` (row, column) that in
    the unit's map. `picture` shows the part, `guided` the gradient of the value by it, None where
    there is none.
    """

    unit: int
    image: int
    value: float
    place: tuple[int, int]
    position: Point
    box: Box
    picture: PillowImage.Image = at("patch", read=_opened, repr=False, compare=False)
    guided: PillowImage.Image | None = at(default=None, read=_opened, repr=False, compare=False)


def _units(found: list[Json]) -> dict[int, tuple[Patch, ...]]:
    return {
        int(each["unit"]): tuple(
            Patch.from_json({"unit": each["unit"], **patch}) for patch in each["patches"]
        )
        for each in found
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Patches(Result, Drawn, Listing[Patch], Table):
    """The patches of each unit of `layer`, by its number, the most exciting first.

    `rule` says how the gradients were taken: `guided`, `plain`, or `none`. A sequence of all
    patches. Saved as .csv a row per patch, .png a sheet with a row per unit.
    """

    _form: ClassVar[str] = "png"
    _forms = ".png=png"
    layer: str
    units: Mapping[int, tuple[Patch, ...]] = at(read=_units)
    rule: str

    @property
    def images(self) -> tuple[Json | ItemError, ...]:
        """The facts of each image that was searched; an `ItemError` for one that was not read."""
        found = enumerate(self.raw.get("images") or ())
        return tuple(ItemError.of(index, value) or value for index, value in found)

    @property
    def errors(self) -> list[ItemError]:
        """The images that could not be read."""
        return [image for image in self.images if isinstance(image, ItemError)]

    @property
    def _items(self) -> tuple[Patch, ...]:
        return tuple(patch for patches in self.units.values() for patch in patches)

    @property
    def _writers(self) -> Writers:
        return {".csv": self._write_csv}

    def _table(self) -> Cells:
        return cells(columns(f"unit image value {PLACE}"), self)

    def _repr_html_(self) -> str:
        shown = (
            f"<td>{inline_png(each.picture.resize((64, 64)), 'patch')}<br><small>unit {each.unit}: "
            f"{each.value:.3g}</small></td>"
            for each in self
        )
        return f"<table><tr>{''.join(shown)}</tr></table>{self._caption()}"
