"""The answer of /saliency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brightfield_client.arrays import FloatArray
from brightfield_client.results._answers import SaliencyResult


class Saliency(SaliencyResult):
    """How much each pixel matters to the score of `target`.

    `map` is H x W on the model's input grid (`space="image"` asks for the image's own pixels);
    `region` (x, y, width, height) is the part of the image that it covers, None for all of it.
    `score` is the unnormalised output that was explained. `facts` holds what the method reports
    besides, such as `completeness_gap`. An object that was cut out (`mask="grabcut"`) is
    outlined in the `picture`.
    """

    @property
    def _drawing(self) -> Mapping[str, Any]:
        """A neuron sees a part of the image, to which the picture is cut."""
        return {"zoom": True} if "neuron" in self.target.facts else {}

    def plane(self, target: int = 0) -> FloatArray:
        """The map (h, w)."""
        return self.map

    def _title(self, target: int) -> str:
        return f"{self.method}: {self.target.label}"
