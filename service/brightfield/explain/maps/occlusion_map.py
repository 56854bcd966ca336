"""The result of /occlusion: what hiding each part of the image does to the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.verdict import NO_CHANGE, is_noise, notes_on, rounding
from brightfield.geometry import Geometry
from brightfield.images.heat import Heat, placed_json
from brightfield.images.picture import Note
from brightfield.images.windows import WindowGrid, accumulate
from brightfield.results import MapSpace, Raster, ResultTable, finite
from brightfield.targets import Target
from brightfield.tensors import Map

# JSON has the maps of at most so many targets; `scores` and the other formats have all.
MOST_MAPS = 16
MAPS_LEFT_OUT = Note(
    "maps_left_out",
    f"JSON holds the maps of at most {MOST_MAPS} targets; `scores` is complete, and format=npy or "
    "tiff has every map.",
)


@dataclass(frozen=True)
class WhatIf:
    """The scores of every target before and after one part was hidden."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]

    def payload(self, targets: Sequence[Target]) -> dict[str, Any]:
        return {
            "targets": [target.payload() for target in targets],
            "before": [finite(value) for value in self.before],
            "after": [finite(value) for value in self.after],
            "difference": [finite(value) for value in self.before - self.after],
        }


@dataclass(frozen=True)
class OcclusionMap(Explanation):
    """`scores` (T, rows, cols) of the image with a window hidden, `base` (T,) of the whole image.

    The map is base - score, averaged over the windows that cover a pixel: positive where the
    pixels support the target. Without a grid only the what-if was asked for.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "png", "tiff", "npy", "overlay")
    targets: Sequence[Target]
    base: NDArray[np.float64]
    geometry: Geometry
    facts: dict[str, Any]
    grid: WindowGrid | None = None
    scores: NDArray[np.float64] | None = None
    what_if: WhatIf | None = None
    notes: tuple[Note, ...] = ()
    noisy: bool = False
    """Whether the first target's map is nothing but rounding, and therefore 0."""

    def judged(self) -> OcclusionMap:
        if self.scores is None:
            return self
        noise = rounding(float(abs(self.base[0])))
        stated = self.stating(*notes_on(self.main, noise, NO_CHANGE))
        return replace(stated, noisy=is_noise(self.main, noise))

    def payload(self, space: MapSpace) -> dict[str, Any]:
        answer: dict[str, Any] = {
            **self.frame(),
            "scores": None if self.scores is None else _nested(self.scores),
            "map": None,
            **self.facts,
        }
        if self.scores is not None and len(self.targets) > 1:
            answer["most_probable"] = self._most_probable(self.scores)
        if self.grid is not None and len(self.targets) <= MOST_MAPS:
            maps = self.raster(space).array
            answer["map"] = placed_json(maps, self.geometry, space, signed=True)
        if self.what_if is not None:
            answer["what_if"] = self.what_if.payload(self.targets)
        return answer

    def frame(self) -> dict[str, Any]:
        """What is known before the first window: where the windows are, of which targets the scores
        will be, and the scores of the whole image."""
        return {
            "grid": self._grid_payload(),
            "targets": [target.payload() for target in self.targets],
            "base": [finite(value) for value in self.base],
        }

    @property
    def about_targets(self) -> Sequence[Target]:
        return self.targets

    @property
    def reading(self) -> str:
        told = self.targets[0].told
        return f"red where {told} falls if the place is hidden, blue where it rises"

    @property
    def main(self) -> Map:
        return self._map(0)

    def raster(self, space: MapSpace) -> Raster:
        maps = [self._map(index) for index in range(len(self.targets))]
        if space == "image":
            maps = [self.geometry.to_image(one) for one in maps]
        return Raster(np.stack(maps), "CYX")

    def heat(self) -> Heat:
        """The map of the first target."""
        in_image = self.geometry.to_image(self._map(0))
        return Heat(in_image, signed=True, region=self.geometry.region_in_image)

    def table(self) -> ResultTable:
        """A row per target and window: rectangle in image pixels, score and difference."""
        columns = ("target", "class_id", "xmin", "ymin", "xmax", "ymax", "score", "difference")
        if self.grid is None or self.scores is None:
            return ResultTable(columns, [])
        ys, xs = self._edges()
        rows = [
            (target.label, target.class_id, x0, y0, x1, y1, score, float(base) - score)
            for target, base, scores in zip(self.targets, self.base, self.scores, strict=True)
            for (y0, y1), row in zip(ys, scores.tolist(), strict=True)
            for (x0, x1), score in zip(xs, row, strict=True)
        ]
        return ResultTable(columns, rows)

    def _most_probable(self, scores: NDArray[np.float64]) -> list[list[int | None]]:
        """The target of the highest score at every position, by its class; null without a number.

        With every class as a target it is the map of the most probable class.
        """
        comparable = np.nan_to_num(scores, nan=-np.inf)
        best = comparable.argmax(axis=0)
        known = np.isfinite(comparable.max(axis=0))
        ids = [target.class_id for target in self.targets]
        return [
            [ids[index] if seen else None for index, seen in zip(row, there, strict=True)]
            for row, there in zip(best.tolist(), known.tolist(), strict=True)
        ]

    def _map(self, index: int) -> Map:
        if self.grid is None or self.scores is None or (self.noisy and index == 0):
            return np.zeros(self.geometry.input_size, np.float32)
        return accumulate(self.grid, self.base[index] - self.scores[index])

    def _edges(self) -> tuple[list[list[float]], list[list[float]]]:
        """[start, stop] of the grid's rows and columns, in image pixels."""
        assert self.grid is not None
        rows, cols = (np.asarray(spans, np.float64) for spans in (self.grid.rows, self.grid.cols))
        geometry = self.geometry
        return geometry.input_to_image_y(rows).tolist(), geometry.input_to_image_x(cols).tolist()

    def _grid_payload(self) -> dict[str, Any] | None:
        if self.grid is None:
            return None
        ys, xs = self._edges()
        return {
            "rows": len(ys),
            "cols": len(xs),
            "window": self.facts["window"],
            "stride": self.facts["stride"],
            "border": self.facts["border"],
            "x": xs,
            "y": ys,
        }


def _nested(scores: NDArray[np.float64]) -> list[list[list[float | None]]]:
    return [[[finite(value) for value in row] for row in target] for target in scores.tolist()]
