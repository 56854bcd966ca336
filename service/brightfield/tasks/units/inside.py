"""Tasks that look inside a model: at the units of one layer, and at what they see of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brightfield.geometry import Axis, Geometry
from brightfield.images.objects import Box
from brightfield.images.picture import Note
from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.parameters import Parameters, Units


class Inside(Parameters):
    """The parameters, beside a task's own, that name the units of a layer."""

    layer: str | None = None
    """A name of GET /models/{id}/layers, `penultimate` or `logits`. Default: the layer that the
    card explains with, else the last one with maps."""
    units: Units | None = None
    """Channels of a layer with maps, values of a flat one, by their numbers from 0: `3`, or
    `0,17,4`. Default: all, or those that the task picks."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer's places (rows, columns) in one image: what each of them sees."""

    layer: str
    field: ReceptiveField
    geometry: Geometry

    def box(self, row: int, column: int) -> Box:
        """What a place sees, in image pixels: its receptive field, clipped to what the model sees
        of the image."""
        (ymin, ymax), (xmin, xmax) = (
            _seen(axis, spans[place])
            for axis, spans, place in (
                (self.geometry.y, self.field.rows, row),
                (self.geometry.x, self.field.cols, column),
            )
        )
        return Box(xmin, ymin, xmax, ymax)

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """x, y in image pixels: the middle of a place's cell when the map is laid over what the
        model sees, as pictures of maps do."""
        y, x = (
            float(axis.to_image(np.asarray((place + 0.5) * axis.inputs / count, np.float64)))
            for axis, place, count in (
                (self.geometry.y, row, len(self.field.rows)),
                (self.geometry.x, column, len(self.field.cols)),
            )
        )
        return x, y

    def facts(self) -> dict[str, Any]:
        height, width = self.field.extent
        return {"height": height, "width": width, "everywhere": self.field.unbounded}

    @property
    def notes(self) -> tuple[Note, ...]:
        if not self.field.unbounded:
            return ()
        return (
            Note(
                "looks_everywhere",
                f"Every place of the layer {self.layer!r} depends on the whole image, or it is not "
                "known on which part of it; boxes are all that the model sees.",
            ),
        )


def _seen(axis: Axis, span: Any) -> tuple[float, float]:
    low, high = axis.covered
    first, last = np.clip(axis.to_image(np.asarray(span, np.float64)), low, max(low, high))
    return float(first), float(last)
