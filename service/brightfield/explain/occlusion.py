"""Occlusion: hide a part of the image and look at what the score does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from brightfield.errors import InvalidParameter
from brightfield.explain.baselines import baseline_images
from brightfield.explain.chunks import chunked
from brightfield.explain.explanation import Explanation
from brightfield.explain.hiding import Shape, mask_of, parse_shape
from brightfield.explain.method import Step
from brightfield.explain.occlusion_map import OcclusionMap, WhatIf
from brightfield.explain.perturbation import Perturbation
from brightfield.explain.probe import Probe
from brightfield.geometry import Geometry
from brightfield.images.windows import Border, Grid, window_grid
from brightfield.parameters import Extent
from brightfield.tensors import Images


class Occlusion(Perturbation):
    """score(image) - score(image with a window hidden), for every position of the window.

    Positive means that the pixels under the window support the target; per pixel the values of
    the windows that cover it are averaged. Source: Zeiler and Fergus 2014.
    """

    result: ClassVar[type[Explanation]] = OcclusionMap

    window: Extent | None = None
    """Side of the window, or height,width; left out: a seventh of the input's short side."""
    stride: Extent | None = None
    """Step of the window, at most the window; left out: half the window."""
    unit: Literal["input", "image"] = "input"
    """Pixels in which window and stride are given: the model's input, or the image."""
    border: Border = "shift"
    """`shift` moves the last window back so that it is whole, `cut` cuts it, `drop` drops it."""
    engine: Literal["auto", "plain"] = "auto"
    """How the scores are computed; `plain` runs every occluded image through the whole model."""
    hide: Annotated[str, Field(examples=["40,30,64,64", "10,10;90,10;50,80"])] | None = None
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
        (base,) = probe.scores([images])
        what_if = None if shape is None else self._what_if(probe, images, fill, base, shape)
        facts = {
            "baseline": self.baseline,
            "output": self.output,
            "engine": "plain",
            "sign": "base - score",
            "aggregation": "mean",
            "border": self.border,
        }
        whole = base[0].double().numpy()
        if self._alone:
            facts["forwards"] = 2
            alone = OcclusionMap(probe.targets, whole, probe.geometry, facts, what_if=what_if)
            yield Step(1, 1, result=alone)
            return
        grid, sizes = self._grid(probe, images)
        scores = np.empty((len(probe.targets), len(grid.rows) * len(grid.cols)))
        yield from self._slide(probe, images, fill, grid, scores)
        facts |= {**sizes, "forwards": scores.shape[1] + 1 + (what_if is not None)}
        shaped = scores.reshape(len(probe.targets), len(grid.rows), len(grid.cols))
        yield Step(
            scores.shape[1],
            scores.shape[1],
            result=OcclusionMap(probe.targets, whole, probe.geometry, facts, grid, shaped, what_if),
        )

    def _grid(self, probe: Probe, images: Images) -> tuple[Grid, dict[str, Any]]:
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
        self, probe: Probe, images: Images, fill: Images, grid: Grid, scores: NDArray[np.float64]
    ) -> Iterator[Step]:
        """Fill `scores` (T, positions) chunk by chunk."""
        total, done = scores.shape[1], 0
        for part in probe.scores(chunked(_occluded(images, fill, grid), probe.chunk())):
            scores[:, done : done + len(part)] = part.T.double().numpy()
            done += len(part)
            if done < total:
                found = part.T.double().tolist()
                yield Step(done, total, {"first": done - len(part), "scores": found})

    def _what_if(
        self, probe: Probe, images: Images, fill: Images, base: torch.Tensor, shape: Shape
    ) -> WhatIf:
        mask = torch.from_numpy(mask_of(shape, probe.geometry))
        (after,) = probe.scores([torch.where(mask, fill, images)])
        return WhatIf(base[0].double().numpy(), after[0].double().numpy())


def _occluded(images: Images, fill: Images, grid: Grid) -> Iterator[torch.Tensor]:
    """The image with one window hidden at a time, in row-major order."""
    for y0, y1 in grid.rows:
        for x0, x1 in grid.cols:
            hidden = images[0].clone(memory_format=torch.preserve_format)
            hidden[:, y0:y1, x0:x1] = fill[0, :, y0:y1, x0:x1]
            yield hidden
