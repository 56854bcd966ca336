"""The result of /saliency: one value per pixel for one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.verdict import NO_GRADIENT, is_noise, notes_on
from brightfield.explain.probing.probe import Probe
from brightfield.geometry import Geometry
from brightfield.images import rle
from brightfield.images.heat import Heat, placed_json
from brightfield.images.outlines import draw_objects
from brightfield.images.picture import Note
from brightfield.palette import SKY, Color
from brightfield.results import MapSpace, Raster, finite
from brightfield.targets import Target
from brightfield.tensors import Map

_OUTLINE = SKY  # apart from every colour of the maps


@dataclass(frozen=True)
class SaliencyMap(Explanation):
    """`values` (h, w) on the model's input grid; `facts` are the method's own numbers.

    `mask` (H, W), in the image's pixels, is what the map cuts out, if that was asked for
    (`masked`) and there is something. Magnitudes up to `noise` may be rounding alone; `hint` is
    what to try if the map is empty.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "tiff", "npy", "overlay")
    method: str
    target: Target
    values: Map
    signed: bool
    geometry: Geometry
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    masked: bool = False
    mask: rle.Mask | None = None
    noise: float = 0.0
    hint: str = NO_GRADIENT

    def judged(self) -> SaliencyMap:
        stated = self.stating(*notes_on(self.values, self.noise, self.hint))
        if not is_noise(self.values, self.noise):
            return stated
        return replace(stated, values=np.zeros_like(self.values))

    def payload(self, space: MapSpace) -> dict[str, Any]:
        values = self.raster(space).array
        drawn = placed_json(values, self.geometry, space, signed=self.signed)
        return {
            "method": self.method,
            "target": self.target.payload(),
            "score": finite(self.target.value),
            "map": drawn,
            **({"mask": self._mask_payload()} if self.masked else {}),
            **self.facts,
        }

    @property
    def about_targets(self) -> Sequence[Target]:
        return (self.target,)

    @property
    def reading(self) -> str:
        counts = (
            "red raises it, blue lowers it"
            if self.signed
            else "the brighter, the more a place counts"
        )
        return f"about {self.target.told}: {counts}"

    @property
    def marks(self) -> tuple[tuple[str, Color], ...]:
        cut = () if self.mask is None else (("what GrabCut cuts out", _OUTLINE),)
        return (*super().marks, *cut)

    @property
    def main(self) -> Map:
        return self.values

    def raster(self, space: MapSpace) -> Raster:
        return Raster(self.values if space == "input" else self._in_image(), "YX")

    def heat(self) -> Heat:
        return Heat(self._in_image(), self.signed, self.geometry.region_in_image)

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        drawn = super().overlay(picture, alpha)
        if self.mask is None:
            return drawn
        return draw_objects(drawn, self.mask.astype(np.int32), {1: _OUTLINE}, bold=True)

    def _in_image(self) -> Map:
        return self.geometry.to_image(self.values)

    def _mask_payload(self) -> dict[str, Any] | None:
        """COCO's run-length encoding over the whole image."""
        if self.mask is None:
            return None
        return {**rle.encode(self.mask).json(), "area_px": int(self.mask.sum())}


def saliency_map(
    method: str,
    probe: Probe,
    values: torch.Tensor,
    *,
    signed: bool,
    noise: float = 0.0,
    hint: str = NO_GRADIENT,
    **facts: Any,
) -> SaliencyMap:
    """The result for the probe's first target from `values` (h, w)."""
    array, target = values.detach().float().numpy(), probe.targets[0]
    return SaliencyMap(method, target, array, signed, probe.geometry, facts, noise=noise, hint=hint)
