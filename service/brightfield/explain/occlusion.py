"""Occlusion: hide a part of the image and look at what the score does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator

from brightfield.errors import InvalidParameter
from brightfield.explain.kinds.perturbation import Perturbation
from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.occlusion_map import MAPS_LEFT_OUT, MOST_MAPS, OcclusionMap, WhatIf
from brightfield.explain.method import Step
from brightfield.explain.probing.baselines import baseline_images
from brightfield.explain.probing.hiding import PolygonCorners, mask_of, parse_shape
from brightfield.explain.probing.probe import Probe
from brightfield.explain.probing.windows import WindowEngine, windows
from brightfield.geometry import Geometry
from brightfield.images.picture import Note
from brightfield.images.shapes import ShapeParameter
from brightfield.images.windows import Border, WindowGrid, window_grid
from brightfield.parameters import Extent
from brightfield.tensors import Images


class Occlusion(Perturbation):
    """score(image) - score(image with a window hidden), for every position of the window.

    Positive means that the pixels under the window support the target; per pixel the values of
    the windows that cover it are averaged. Source: Zeiler and Fergus 2014.
    """

    result: ClassVar[type[Explanation]] = OcclusionMap
    every: ClassVar[bool] = True

    window: Extent | None = None
    """Side of the window, or height,width. Default: a seventh of the input's short side."""
    stride: Extent | None = None
    """Step of the window, at most the window. Default: half the window."""
    unit: Literal["input", "image"] = "input"
    """Pixels in which window and stride are given: the model's input, or the image."""
    border: Border = "shift"
    """`shift` moves the last window back so that it is whole, `cut` cuts it, `drop` drops it."""
    engine: WindowEngine = "auto"
    """How the scores are computed: `plain` runs every occluded image through the whole model,
    `incremental` computes only what a window can have changed, `auto` takes the faster one."""
    hide: ShapeParameter | None = None
    """One what-if in image pixels: x,y,width,height, or the corners of a polygon x,y;x,y;x,y. Given
    without window and stride, it is answered alone."""

    @model_validator(mode="after")
    def _shape_is_well_formed(self) -> Occlusion:
        if self.hide is not None:
            parse_shape(self.hide)
        if self.checks and self._alone:
            raise ValueError("checks are of a map, and a what-if alone has none; give window, too")
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """A what-if alone has no map to draw or to write."""
        return ("json",) if self._alone else super().formats

    @property
    def _alone(self) -> bool:
        """Whether only the what-if is asked for."""
        return self.hide is not None and self.window is None and self.stride is None

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        fill = baseline_images(self.baseline, images, probe.card.input)
        shape = parse_shape(self.hide) if self.hide is not None else None
        if self._alone:
            assert shape is not None
            cost, answer, notes = self._what_if(probe, images, fill, shape)
            alone = OcclusionMap(
                probe.targets, answer.before, probe.geometry, self._facts(cost), what_if=answer
            )
            yield Step(1, 1, result=alone.stating(*notes))
            return
        grid, sizes = self._grid(probe, images)
        what_if: WhatIf | None = None
        if shape is not None:
            _, what_if, _ = self._what_if(probe, images, fill, shape)
        yield from self._slide(probe, images, fill, grid, sizes, what_if)

    def _facts(self, more: dict[str, Any]) -> dict[str, Any]:
        """What the reply states."""
        return {
            "baseline": self.baseline,
            "output": self.output,
            "sign": "base - score",
            "aggregation": "mean",
            "border": self.border,
            **more,
        }

    def _grid(self, probe: Probe, images: Images) -> tuple[WindowGrid, dict[str, Any]]:
        """The windows on the input grid, and their size and step as the reply states them."""
        height, width = images.shape[-2:]
        side = max(1, min(height, width) // 7)
        window = self._in_input(self.window, probe.geometry) or (side, side)
        half = max(1, window[0] // 2), max(1, window[1] // 2)
        stride = self._in_input(self.stride, probe.geometry) or half
        if stride[0] > window[0] or stride[1] > window[1]:
            raise InvalidParameter(
                f"The stride {stride[0]},{stride[1]} is larger than the window "
                f"{window[0]},{window[1]} and would leave gaps; lower it."
            )
        grid = window_grid((height, width), window, stride, self.border)
        return grid, {"window": list(window), "stride": list(stride)}

    def _in_input(
        self, extent: tuple[int, int] | None, geometry: Geometry
    ) -> tuple[int, int] | None:
        """(height, width) in pixels of the model's input, at least 1."""
        if extent is None or self.unit == "input":
            return extent
        return (
            max(1, round(extent[0] / geometry.y.step)),
            max(1, round(extent[1] / geometry.x.step)),
        )

    def _slide(
        self,
        probe: Probe,
        images: Images,
        fill: Images,
        grid: WindowGrid,
        sizes: dict[str, Any],
        what_if: WhatIf | None,
    ) -> Iterator[Step]:
        """The scores of all windows, some in each step; the map with the last one."""
        found = windows(probe, images, fill, grid.rows, grid.cols, self.engine)
        scores = np.empty((len(probe.targets), len(grid.rows) * len(grid.cols)))
        total, done = scores.shape[1], 0
        base = found.base[0].double().numpy()
        about = self._facts(sizes)
        frame = OcclusionMap(probe.targets, base, probe.geometry, about, grid).frame()
        for part in found.parts:
            values = part.scores.T.double().numpy()
            scores[:, part.places] = values
            done += len(part.places)
            if done < total:
                partial = {"places": part.places.tolist(), "scores": values.tolist()}
                yield Step(done, total, {**partial, **frame})
                frame = {}
        shaped = scores.reshape(-1, len(grid.rows), len(grid.cols))
        facts = self._facts({**sizes, **found.facts})
        facts["forwards"] += what_if is not None
        result = OcclusionMap(probe.targets, base, probe.geometry, facts, grid, shaped, what_if)
        result = result.stating(*found.notes)
        if len(probe.targets) > MOST_MAPS:
            result = result.stating(MAPS_LEFT_OUT)
        yield Step(total, total, result=result)

    def _what_if(
        self, probe: Probe, images: Images, fill: Images, shape: PolygonCorners
    ) -> tuple[dict[str, Any], WhatIf, list[Note]]:
        """The scores before and after, as one window around the shape; what they cost, and what is
        to be known about them."""
        mask = torch.from_numpy(mask_of(shape, probe.geometry))
        hidden = torch.where(mask, fill, images)
        rows, cols = ([_extent(mask.any(axis).numpy())] for axis in (1, 0))
        found = windows(probe, images, hidden, rows, cols, self.engine)
        (after,) = found.parts
        before = found.base[0].double().numpy()
        return found.facts, WhatIf(before, after.scores[0].double().numpy()), found.notes


def _extent(marked: NDArray[np.bool_]) -> tuple[int, int]:
    """From the first to one past the last marked place."""
    places = np.flatnonzero(marked)
    return int(places[0]), int(places[-1]) + 1
