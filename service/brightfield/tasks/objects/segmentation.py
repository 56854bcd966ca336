"""The result of segmentation: a label image and what is measured in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import NotAcceptable
from brightfield.images import encode
from brightfield.images.annotations.table import table
from brightfield.images.contours import ObjectOutline, trace
from brightfield.images.labels import Labels, smallest
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.outlines import paint_objects
from brightfield.palette import Color, one_each
from brightfield.results import MapSpace, Raster, ResultTable
from brightfield.tasks.objects.objects import PLACED, Objects, Paint, legend_of

Mode = Literal["semantic", "instance"]

_PNG_OBJECTS = 65_535


@dataclass(frozen=True)
class SegmentedObjects(Objects):
    """`labels` (H, W) int32 over the whole image: 0, and an object's id on each of its pixels.

    In the mode `semantic` an object is a class with all its pixels, and its id the class id + 1.
    """

    formats: ClassVar[tuple[str, ...]] = (
        "json", "png", "tiff", "npy", "geojson", "coco", "rois", "csv", "overlay",
    )  # fmt: skip
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **Objects.uses,
        "offset": (*PLACED, "tiff"),
        "downsample": (*PLACED, "tiff"),
    }
    labels: Labels
    mode: Mode
    channels: int
    with_outlines: bool = False
    paint: Paint = "class"

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "classes": self._classes(),
            "objects": self._objects(),
            "mask": self._mask(),
            **self._placement(),
        }

    def table(self) -> ResultTable:
        return table(self.objects, self.source, channels=self.channels)

    @property
    def diameters(self) -> Sequence[float] | None:
        return super().diameters if self.mode == "instance" else None

    @property
    def means(self) -> Sequence[tuple[float | None, ...]] | None:
        measured = [found.measures for found in self.objects if found.measures is not None]
        return [each.mean_intensity for each in measured] if self.mode == "instance" else None

    def raster(self, space: MapSpace) -> Raster:
        placement = self.placement
        x, y = (edge / placement.downsample for edge in placement.offset)
        return Raster(smallest(self.labels), "YX", origin=(x, y))

    def image(self) -> NDArray[Any]:
        labels = smallest(self.labels)
        if labels.dtype != np.uint16:
            raise NotAcceptable(
                f"There are {int(labels.max())} objects and a PNG tells at most {_PNG_OBJECTS} "
                "apart; ask for format=tiff."
            )
        return labels

    def outlines(self) -> Mapping[int, ObjectOutline]:
        traced = trace(self.labels)
        return self.placement.outlines(traced) if self.placement else traced

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        full = self.paint == "object" or self.mode == "semantic"
        return paint_objects(picture, self.labels, self._colors(), alpha, full=full)

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        if self.mode == "semantic":
            lines = (*title,) if self.objects else (*title, "no pixel of any class")
            return with_legend(picture, PictureLegend(lines, classes=self._shares()))
        return legend_of(self.objects, self.card, picture, title, self.paint)

    def _shares(self) -> tuple[tuple[str, Color], ...]:
        """Each class with the share of the image that it covers, and its colour."""
        return tuple(
            (
                f"{found.label}: {np.mean(self.labels == found.id):.1%} of the image",
                self.card.color(found.class_id),
            )
            for found in sorted(self.objects, key=lambda found: found.id)
        )

    def _classes(self) -> list[dict[str, Any]]:
        areas = [0.0] * len(self.card.label_names)
        for found in self.objects:
            if found.measures is not None:
                areas[found.class_id] += found.measures.area_px
        return [
            {**known, "area_px": int(area) if area == int(area) else area}
            for known, area in zip(super()._classes(), areas, strict=True)
        ]

    def _objects(self) -> list[dict[str, Any]]:
        rows = super()._objects()
        if self.with_outlines:
            outlines = self.outlines()
            for row in rows:
                row["outline"] = [
                    [ring.tolist() for ring in polygon.rings] for polygon in outlines[row["id"]]
                ]
        return rows

    def _mask(self) -> dict[str, Any]:
        labels = smallest(self.labels)
        bits = 8 * labels.dtype.itemsize
        kind = "png" if bits == 16 else "tiff"
        size = self.source.pixel_size
        data = encode.png(labels) if kind == "png" else encode.tiff(labels, "YX", pixel_size=size)
        return {"format": kind, "bits": bits, "data": base64.b64encode(data).decode("ascii")}

    def _colors(self) -> dict[int, Color]:
        if self.paint == "object":
            return one_each(found.id for found in self.objects)
        return {found.id: self.card.color(found.class_id) for found in self.objects}
