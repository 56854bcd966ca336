"""The answer of /patches."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image as PillowImage

from brightfield_client.errors import ApiError, api_error
from brightfield_client.heat import inline_png
from brightfield_client.results.batch import ItemError
from brightfield_client.results.found import Box
from brightfield_client.results.repeatable import Repeatable
from brightfield_client.results.result import Json
from brightfield_client.results.saving import save_as, write_csv, write_json


@dataclass(frozen=True)
class Patch:
    """The part `box` of an image that gave a unit this `value`.

    `image` is the image's place among those that were asked about, `place` (row, column) that in
    the unit's map. `picture` shows the part, `guided` the gradient of the value by it, None where
    there is none.
    """

    unit: int
    image: int
    value: float
    place: tuple[int, int]
    position: tuple[float, float]
    box: Box
    picture: PillowImage.Image = field(repr=False, compare=False)
    guided: PillowImage.Image | None = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, unit: int, value: Json) -> Patch:
        row, column = value["place"]
        guided = value.get("guided")
        return cls(
            unit,
            int(value["image"]),
            float(value["value"]),
            (int(row), int(column)),
            (float(value["position"]["x"]), float(value["position"]["y"])),
            Box(*(float(value["box"][edge]) for edge in Box._fields)),
            _opened(value["patch"]),
            None if guided is None else _opened(guided),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Patches(Repeatable):
    """The patches of each unit of `layer`, by its number, the most exciting first.

    `rule` says how the gradients were taken: `guided`, `plain`, or `none`.
    """

    task_name: ClassVar[str] = "patches"

    layer: str
    units: Mapping[int, Sequence[Patch]]
    rule: str

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        return {
            "layer": str(result["layer"]),
            "rule": str(result["rule"]),
            "units": {
                int(found["unit"]): tuple(
                    Patch.from_json(int(found["unit"]), patch) for patch in found["patches"]
                )
                for found in result["units"]
            },
        }

    @property
    def images(self) -> tuple[Json | ItemError, ...]:
        """The facts of each image that was searched; an `ItemError` for one that was not read."""
        found = self.raw.get("images") or ()
        return tuple(_image(index, value) for index, value in enumerate(found))

    @property
    def errors(self) -> list[ItemError]:
        """The images that could not be read."""
        return [image for image in self.images if isinstance(image, ItemError)]

    def __len__(self) -> int:
        return sum(map(len, self.units.values()))

    def __iter__(self) -> Iterator[Patch]:
        return (patch for patches in self.units.values() for patch in patches)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .csv a row per patch, .json the whole answer. .png, a sheet with a row per unit, asks the
        service again (see `again`).
        """
        writers = {
            ".csv": lambda file: write_csv(file, _COLUMNS, map(_row, self)),
            ".json": lambda file: write_json(file, self.raw),
            ".png": lambda file: self.again("png").save(file),
        }
        return save_as(path, writers, "A set of patches")

    def _repr_html_(self) -> str:
        rows = []
        for unit, patches in self.units.items():
            cells = "".join(f"<td>{_cell(patch)}</td>" for patch in patches)
            rows.append(f"<tr><th>{unit}</th>{cells}</tr>")
        head = f"<caption>{html.escape(self.layer)}</caption>"
        return f"<table>{head}{''.join(rows)}</table>{self._caption()}"


_COLUMNS = ("unit", "image", "value", "row", "column", "x", "y", *Box._fields)


def _row(patch: Patch) -> tuple[Any, ...]:
    return (patch.unit, patch.image, patch.value, *patch.place, *patch.position, *patch.box)


def _cell(patch: Patch) -> str:
    pictures = (patch.picture, *(() if patch.guided is None else (patch.guided,)))
    shown = "".join(inline_png(picture.resize((64, 64)), "patch") for picture in pictures)
    return f"{shown}<br><small>{patch.value:.3g}, image {patch.image}</small>"


def _image(index: int, value: Json) -> Json | ItemError:
    problem = value.get("error")
    if problem is None:
        return value
    fault: ApiError = api_error(int(problem.get("status", 500)), problem)
    return ItemError(index, fault)


def _opened(value: Json) -> PillowImage.Image:
    picture = PillowImage.open(io.BytesIO(base64.b64decode(value["data"], validate=True)))
    picture.load()
    return picture
