"""An image's place in a larger one, and objects in the pixels of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.contours import ObjectOutline, Polygon, Ring
from brightfield.images.objects import Box, Measures, Object, ObjectSource


@dataclass(frozen=True, slots=True)
class FieldPlacement:
    """Where an image lies in a larger one: x' = x * downsample + offset, and so for y.

    The way of QuPath's exported tiles: `downsample` pixels of the slide to one of the tile, and
    the tile's corner `offset` (x, y) in pixels of the slide.
    """

    offset: tuple[float, float] = (0.0, 0.0)
    downsample: float = 1.0

    def __bool__(self) -> bool:
        """Whether it moves anything."""
        return self != FieldPlacement()

    def json(self) -> dict[str, Any]:
        """`{"offset": [x, y], "downsample": d}`."""
        return {"offset": list(self.offset), "downsample": self.downsample}

    @property
    def about(self) -> dict[str, str]:
        """The same as texts, where it moves anything."""
        if not self:
            return {}
        return {
            "offset": ",".join(f"{edge:.10g}" for edge in self.offset),
            "downsample": f"{self.downsample:.10g}",
        }

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point in the larger image."""
        return x * self.downsample + self.offset[0], y * self.downsample + self.offset[1]

    def box(self, box: Box) -> Box:
        """A box in the larger image."""
        return Box(*self.point(box.xmin, box.ymin), *self.point(box.xmax, box.ymax))

    def ring(self, ring: Ring) -> NDArray[Any]:
        """A ring in the larger image; of whole numbers where it can."""
        points = ring * self.downsample + np.array(self.offset)
        whole: NDArray[Any] = np.rint(points)
        if np.array_equal(points, whole):
            return whole.astype(np.int64)
        return np.asarray(points, np.float64)

    def outlines(self, outlines: Mapping[int, ObjectOutline]) -> dict[int, ObjectOutline]:
        """Every object's polygons in the larger image."""
        return {
            number: tuple(
                Polygon(self.ring(part.exterior), tuple(map(self.ring, part.holes)))
                for part in outline
            )
            for number, outline in outlines.items()
        }

    def moved(self, found: Object) -> Object:
        """An object with its box and measures in pixels of the larger image.

        Areas in micrometres stay. So does `rle`, whose grid is the image's own.
        """
        measures = found.measures and self._measures(found.measures)
        return replace(found, box=self.box(found.box), measures=measures)

    def source(self, source: ObjectSource) -> ObjectSource:
        """The part of the larger image that is known: from its corner to the end of the image."""
        right, bottom = self.point(source.width, source.height)
        size = source.pixel_size
        return replace(
            source,
            width=max(1, ceil(right)),
            height=max(1, ceil(bottom)),
            pixel_size=None if size is None else size / self.downsample,
        )

    def _measures(self, measures: Measures) -> Measures:
        area = measures.area_px * self.downsample**2
        whole = int(area) if area == int(area) else area
        return replace(measures, area_px=whole, centroid=self.point(*measures.centroid))
