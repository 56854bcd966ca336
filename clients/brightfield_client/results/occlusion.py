"""The answer of /occlusion."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray, decode_array, numbers
from brightfield_client.heat import inline_png
from brightfield_client.images import ImageSource
from brightfield_client.results import heatmap
from brightfield_client.results.result import Json, Result
from brightfield_client.results.target import Target

Span = tuple[float, float]

_OWN = frozenset({"grid", "targets", "base", "scores", "map", "what_if", "most_probable"})


@dataclass(frozen=True)
class Grid:
    """Where the windows stood: `x` holds [start, stop] of each column, `y` of each row, in pixels
    of the image."""

    rows: int
    cols: int
    window: tuple[int, ...]
    stride: tuple[int, ...]
    border: str
    x: tuple[Span, ...]
    y: tuple[Span, ...]

    @classmethod
    def from_json(cls, value: Json) -> Grid:
        return cls(
            int(value["rows"]),
            int(value["cols"]),
            tuple(value.get("window", ())),
            tuple(value.get("stride", ())),
            str(value.get("border", "")),
            _spans(value.get("x", ())),
            _spans(value.get("y", ())),
        )


def _spans(values: Iterable[Iterable[Any]]) -> tuple[Span, ...]:
    return tuple((float(start), float(stop)) for start, stop in values)


@dataclass(frozen=True)
class WhatIf:
    """The scores before and after one part of the image was hidden; difference = before - after."""

    targets: tuple[Target, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    difference: tuple[float, ...]

    @classmethod
    def from_json(cls, value: Json) -> WhatIf:
        scores = (tuple(numbers(value[key]).tolist()) for key in ("before", "after", "difference"))
        return cls(tuple(map(Target.from_json, value["targets"])), *scores)


@dataclass(frozen=True, eq=False, kw_only=True)
class Occlusion(Result):
    """How the scores of the T targets change when a window hides a part of the image.

    `base` (T) are the scores of the whole image, `scores` (T x rows x cols) those with the window
    at each position, and `map` (T x H x W) the mean of `base - score` over the windows that cover
    a pixel: positive where the pixels support the target. `grid` is None for methods without one
    (RISE), whose `scores` are then empty. `most_probable` (rows x cols) is the class id of the
    target with the highest score at each position, None for a single target. `facts` holds the
    rest: baseline, sign, aggregation, the engine.
    """

    task_name: ClassVar[str] = "occlusion"

    grid: Grid | None
    targets: tuple[Target, ...]
    base: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64] = field(repr=False)
    map: FloatArray | None = field(repr=False)
    region: heatmap.Region | None = field(repr=False)
    what_if: WhatIf | None
    most_probable: npt.NDArray[np.float64] | None = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        grid, area, what_if, best = (
            result.get(key) for key in ("grid", "map", "what_if", "most_probable")
        )
        return {
            "grid": Grid.from_json(grid) if grid else None,
            "targets": tuple(map(Target.from_json, result.get("targets", ()))),
            "base": numbers(result.get("base", ())),
            "scores": numbers(result.get("scores", ())),
            "map": decode_array(area) if area else None,
            "region": heatmap.as_region(area.get("region")) if area else None,
            "most_probable": None if best is None else numbers(best),
            "what_if": WhatIf.from_json(what_if) if what_if else None,
            "facts": MappingProxyType({k: v for k, v in result.items() if k not in _OWN}),
        }

    def plane(self, target: int = 0) -> FloatArray:
        """The H x W map of one target, by its place in `targets`."""
        if self.map is None:
            raise ValueError(
                "This answer holds no map: a what-if alone has none (ask without hide=), and JSON "
                'has none for many targets (ask with format="npy").'
            )
        return self.map if self.map.ndim == 2 else self.map[target]

    def overlay(
        self, image: ImageSource | None = None, *, target: int = 0, alpha: float = 0.5
    ) -> PillowImage.Image:
        """One target's map as colours, over `image` where one is given."""
        return heatmap.draw(self.plane(target), self.region, image, alpha)

    def plot(
        self,
        image: ImageSource | None = None,
        *,
        target: int = 0,
        alpha: float = 0.5,
        ax: Any | None = None,
    ) -> Any:
        """Draw `overlay(image)` with matplotlib and return the axes."""
        picture = self.overlay(image, target=target, alpha=alpha)
        return heatmap.plot(picture, self._title(target), ax)

    def save(self, path: str | Path, *, target: int = 0) -> Path:
        """Write the maps of all targets as .npy, or one target's as .tiff or .png."""
        picture = self.plane(target)
        return heatmap.save(picture if self.map is None else self.map, path, picture)

    def _title(self, target: int) -> str:
        label = self.targets[target].label if target < len(self.targets) else ""
        return f"occlusion: {label}"

    def _repr_html_(self) -> str:
        picture = "" if self.map is None else inline_png(self.overlay(), self._title(0))
        return f"{picture}<br>{html.escape(self._title(0))}<br>{self._caption()}"
