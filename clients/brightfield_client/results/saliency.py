"""The answer of /saliency."""

from __future__ import annotations

from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray
from brightfield_client.images import ImageSource
from brightfield_client.results._answers import SaliencyResult


class Saliency(SaliencyResult):
    """How much each pixel matters to the score of `target`.

    `map` is H x W on the model's input grid (`space="image"` asks for the image's own pixels);
    `region` (x, y, width, height) is the part of the image that it covers, None for all of it.
    `score` is the unnormalised output that was explained. `facts` holds what the method reports
    besides, such as `completeness_gap`.
    """

    def overlay(
        self, image: ImageSource | None = None, *, target: int = 0, alpha: float = 0.6
    ) -> PillowImage.Image:
        """The map as colours, over `image` where one is given; see `Heatmap.overlay`.

        An object that was cut out (`mask="grabcut"`) is outlined by the service (see `again`); an
        answer without a link shows the map alone.
        """
        if image is not None and self.facts.get("mask") and self._ask is not None:
            return self.again("overlay", alpha=alpha).picture()
        return super().overlay(image, target=target, alpha=alpha)

    def plane(self, target: int = 0) -> FloatArray:
        """The map (h, w)."""
        return self.map

    def _title(self, target: int) -> str:
        return f"{self.method}: {self.target.label}"
