"""Answers that are maps over an image: drawn as the service draws them, and saved."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray
from brightfield_client.images import ImageSource
from brightfield_client.pictures import inline_png, read_pixels
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.result import Result
from brightfield_client.results.saving import Writers, save_as
from brightfield_client.results.value import Json
from brightfield_painting import Rectangle, display, heatmap, overlay, place

Region = Rectangle
"""x, y, width, height in pixels of the image."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Heatmap(Result, Drawn, ABC):
    """A map, or one for each target, with its picture.

    The pictures are those of the service's formats `png` and `overlay`, pixel for pixel: a map
    without a sign in inferno, a signed one from blue over white to red, scaled by its 99.5th
    percentile; over an image the stronger the more opaque, and dark outside of `region`.
    """

    @abstractmethod
    def plane(self, target: int = 0) -> FloatArray:
        """The map (h, w) of one target, by its place."""

    @abstractmethod
    def _title(self, target: int) -> str:
        """What is above its picture."""

    @property
    def _area(self) -> Json:
        """The map's own entry in the JSON."""
        area: Json = self.raw["result"]["map"]
        return area

    @property
    def signed(self) -> bool:
        """Whether negative values have a meaning of their own."""
        said = self._area.get("signed")
        return bool((self.plane() < 0).any()) if said is None else bool(said)

    def overlay(
        self, image: ImageSource | None = None, *, target: int = 0, alpha: float = 0.6
    ) -> PillowImage.Image:
        """The map of one target as colours, over `image` where one is given.

        `alpha` is the greatest opacity. Without an image it is the service's `format="png"`, with
        the one that was asked about its `format="overlay"`. Raises `ValueError` for an image of
        another size.
        """
        pixels = None if image is None else read_pixels(image)
        values, region = self._placed(target, None if pixels is None else pixels.shape[:2])
        if pixels is None:
            return PillowImage.fromarray(heatmap(values, signed=self.signed))
        drawn = overlay(display(pixels), values, signed=self.signed, alpha=alpha, region=region)
        return PillowImage.fromarray(drawn)

    def picture(
        self, image: ImageSource | None = None, *, target: int = 0, **choice: Any
    ) -> PillowImage.Image:
        """The map over the image that was asked about, drawn by the service with a legend (see
        `again`); without a link, or of another target than the first, `overlay(image)`."""
        if self._ask is None or target:
            return self.overlay(image, target=target, **choice)
        return super().picture(**choice)

    def save(self, path: str | Path, *, target: int = 0, **choice: Any) -> Path:
        """Write the maps of all targets as .npy, one target's as .tiff (float32) or .png, or the
        whole answer as .json."""
        writers: Writers = {
            ".npy": lambda file: np.save(file, self._every(), allow_pickle=False),
            ".tif": lambda file: PillowImage.fromarray(self.plane(target).astype("f4")).save(file),
            ".png": lambda file: self.overlay(target=target).save(file),
        }
        return save_as(self, path, writers)

    def _every(self) -> FloatArray:
        """The maps of all targets."""
        return self.plane()

    def _placed(self, target: int, shape: tuple[int, ...] | None) -> tuple[Any, Region]:
        """The map in the image's pixels, about what is drawn as nothing, and the region."""
        values, area = self.plane(target), self._area
        if (means := self.json.get("mean_score")) is not None:  # what RISE's maps are about
            zero = np.nan if means[target] is None else means[target]
            values = (values.astype(np.float64) - zero).astype(np.float32)
        known = zip(("height", "width"), shape or values.shape, strict=False)
        height, width = (int(self.image.get(name) or side) for name, side in known)
        size = (height, width)
        if shape is not None and shape != size:
            raise ValueError(
                f"The image has {shape[1]} x {shape[0]} pixels, and the one that was asked about "
                f"{size[1]} x {size[0]}."
            )
        region = area.get("region") or (0.0, 0.0, float(size[1]), float(size[0]))
        extent = area.get("extent") or region
        return place(values, size, tuple(extent), tuple(region)), tuple(region)

    def _repr_html_(self) -> str:
        title = html.escape(self._title(0))
        picture = inline_png(self.overlay(), self._title(0)) if self.json.get("map") else ""
        return f"{picture}<br>{title}<br>{self._caption()}"
