"""The result of /saliency: one value per pixel for one score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from brightfield.explain.probe import Probe
from brightfield.geometry import Geometry
from brightfield.images.heat import Heat, HeatResult
from brightfield.results import Raster, Space, array_json, finite
from brightfield.targets import Target
from brightfield.tensors import Map


@dataclass(frozen=True)
class SaliencyMap(HeatResult):
    """`values` (h, w) on the model's input grid; `facts` are the method's own numbers."""

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "tiff", "npy", "overlay")
    method: str
    target: Target
    values: Map
    signed: bool
    geometry: Geometry
    facts: dict[str, Any] = field(default_factory=dict)

    def payload(self, space: Space) -> dict[str, Any]:
        values = self.raster(space).array
        region = [float(edge) for edge in self.geometry.region_in_image]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        drawn = {**array_json(values), "min": finite(low), "max": finite(high), "region": region}
        return {
            "method": self.method,
            "target": self.target.payload(),
            "score": finite(self.target.value),
            "map": drawn,
            **self.facts,
        }

    def raster(self, space: Space) -> Raster:
        return Raster(self.values if space == "input" else self._in_image(), "YX")

    def heat(self) -> Heat:
        return Heat(self._in_image(), self.signed, self.geometry.region_in_image)

    def _in_image(self) -> Map:
        return self.geometry.to_image(self.values)


def saliency_map(
    method: str, probe: Probe, values: torch.Tensor, *, signed: bool, **facts: Any
) -> SaliencyMap:
    """The result for the probe's first target from `values` (h, w)."""
    array = values.detach().float().numpy()
    return SaliencyMap(method, probe.targets[0], array, signed, probe.geometry, facts)
