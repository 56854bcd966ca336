"""A patch: the part of an image that excited a unit, as it is shown."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from brightfield.images import encode
from brightfield.images.objects import Box
from brightfield.results import finite
from brightfield.tensors import Rgb


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
