"""The result of finding objects, and how it is written for people and for other tools."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.images.annotations import coco, geojson, roi
from brightfield.images.annotations.geojson import FieldPlacement
from brightfield.images.annotations.table import table
from brightfield.images.contours import ObjectOutline
from brightfield.images.objects import Object, ObjectSource
from brightfield.images.outlines import draw_boxes
from brightfield.results import MapSpace, Result, ResultTable
from brightfield.tasks.kinds.dense import Scene


@dataclass(frozen=True)
class Objects(Result):
    """Objects in an image, best first; in pixels of the whole image."""

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "geojson", "coco", "rois", "overlay")
    objects: tuple[Object, ...]
    source: ObjectSource
    card: ModelCard

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"classes": self._classes(), "objects": self._objects()}

    def table(self) -> ResultTable:
        return table(self.objects, pixel_size=self.source.pixel_size)

    @property
    def diameters(self) -> Sequence[float]:
        return [math.sqrt(found.box.width * found.box.height) for found in self.objects]

    def geojson(self, offset: tuple[float, float], downsample: float) -> dict[str, Any]:
        """For `geojson`: a feature collection that QuPath opens."""
        placement = FieldPlacement(offset, downsample)
        features = geojson.features(
            self.objects, self.outlines(), self.source, self.card.color, placement=placement
        )
        return geojson.feature_collection(features)

    def coco(self) -> dict[str, Any]:
        """For `coco`: a data set of one image."""
        return coco.dataset([(self.source, self.objects)], self.card.label_names)

    def rois(self) -> bytes:
        """For `rois`: a zip for ImageJ's ROI Manager."""
        return roi.roi_zip(self.objects, self.outlines(), self.card.color)

    def outlines(self) -> Mapping[int, ObjectOutline]:
        """Each object's polygons by its id; without one its box stands for it."""
        return {}

    def _classes(self) -> list[dict[str, Any]]:
        """Every class that the model knows, found or not."""
        return [
            {"class_id": i, "label": name, "color": self.card.color(i)}
            for i, name in enumerate(self.card.label_names)
        ]

    def _objects(self) -> list[dict[str, Any]]:
        """The objects, each under the `uuid` that it has in `geojson`."""
        return [
            {**found.json(), "uuid": geojson.feature_id(found, self.source)}
            for found in self.objects
        ]

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        drawn = draw_boxes(
            picture,
            [found.box for found in self.objects],
            [_caption(found) for found in self.objects],
            [self.card.color(found.class_id) for found in self.objects],
        )
        return mixed(picture, drawn, alpha)


def source_of(scene: Scene) -> ObjectSource:
    """Where a scene's objects were found."""
    picture, card = scene.picture, scene.card
    return ObjectSource(
        width=picture.width,
        height=picture.height,
        sha256=picture.sha256,
        model=f"{card.id}@{card.version}",
        pixel_size=picture.pixel_size,
    )


def _caption(found: Object) -> str:
    return found.label if found.score is None else f"{found.label} {found.score:.2f}"


def mixed(picture: NDArray[np.uint8], drawn: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
    """What is drawn over the picture, `alpha` opaque."""
    return np.asarray(cv2.addWeighted(picture, 1 - alpha, drawn, alpha, 0), np.uint8)
