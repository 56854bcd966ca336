"""The answer of /saliency."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray, decode_array
from brightfield_client.heat import inline_png
from brightfield_client.images import ImageSource
from brightfield_client.results import heatmap
from brightfield_client.results.result import Json, Result
from brightfield_client.results.target import Target

_OWN = frozenset({"method", "target", "score", "map"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Saliency(Result):
    """How much each pixel matters to the score of `target`.

    `map` is H x W on the model's input grid (`space="image"` asks for the image's own pixels);
    `region` (x, y, width, height) is the part of the image that it covers, None for all of it.
    `score` is the unnormalised output that was explained. `facts` holds what the method reports
    besides, such as `completeness_gap`.
    """

    task_name: ClassVar[str] = "saliency"

    method: str
    target: Target
    score: float | None
    map: FloatArray = field(repr=False)
    region: heatmap.Region | None = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        area = result["map"]
        return {
            "method": str(result["method"]),
            "target": Target.from_json(result["target"]),
            "score": result.get("score"),
            "map": decode_array(area),
            "region": heatmap.as_region(area.get("region")),
            "facts": MappingProxyType({k: v for k, v in result.items() if k not in _OWN}),
        }

    def overlay(self, image: ImageSource | None = None, *, alpha: float = 0.5) -> PillowImage.Image:
        """The map as colours, over `image` where one is given; `alpha` is the map's opacity."""
        return heatmap.draw(self.map, self.region, image, alpha)

    def plot(
        self, image: ImageSource | None = None, *, alpha: float = 0.5, ax: Any | None = None
    ) -> Any:
        """Draw `overlay(image)` with matplotlib and return the axes."""
        title = f"{self.method}: {self.target.label}"
        return heatmap.plot(self.overlay(image, alpha=alpha), title, ax)

    def save(self, path: str | Path) -> Path:
        """Write the map: .npy and .tiff keep the numbers, .png shows colours."""
        return heatmap.save(self.map, path, self.map)

    def _repr_html_(self) -> str:
        title = f"{self.method}: {self.target.label}"
        return f"{inline_png(self.overlay(), title)}<br>{html.escape(title)}<br>{self._caption()}"
