"""The result of finding objects, and how it is written for people and for other tools."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.images.annotations import coco, geojson, roi
from brightfield.images.annotations.coco import CocoImage
from brightfield.images.annotations.table import table
from brightfield.images.contours import ObjectOutline
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.objects import Object, ObjectSource
from brightfield.images.outlines import draw_boxes, mixed
from brightfield.images.placement import FieldPlacement
from brightfield.results import MapSpace, Result, ResultTable
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.targets.labels import label
from brightfield.tensors import Rgb

PLACED = ("json", "csv", "geojson", "coco", "rois")
"""The formats whose coordinates can be those of a larger image."""


@dataclass(frozen=True)
class Objects(Result):
    """Objects in an image, best first; in pixels of the whole image, or of the larger one that it
    was placed in (`placement`)."""

    formats: ClassVar[tuple[str, ...]] = ("json", "csv", "geojson", "coco", "rois", "overlay")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "offset": PLACED,
        "downsample": PLACED,
        "alpha": ("overlay",),
        "legend": ("overlay",),
    }
    objects: tuple[Object, ...]
    source: ObjectSource
    card: ModelCard
    placement: FieldPlacement = field(default=FieldPlacement(), kw_only=True)

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {"classes": self._classes(), "objects": self._objects(), **self._placement()}

    def in_larger(self, offset: tuple[float, float], downsample: float) -> Self:
        placement = FieldPlacement(offset, downsample)
        objects = tuple(map(placement.moved, self.objects))
        source = placement.source(self.source)
        return replace(self, objects=objects, source=source, placement=placement)

    @property
    def about(self) -> dict[str, str]:
        return self.placement.about

    def table(self) -> ResultTable:
        return table(self.objects, self.source)

    @property
    def diameters(self) -> Sequence[float] | None:
        return [math.sqrt(found.box.width * found.box.height) for found in self.objects]

    def geojson(self) -> dict[str, Any]:
        """For `geojson`: a feature collection that QuPath opens."""
        features = geojson.features(self.objects, self.outlines(), self.source, self.card.color)
        return geojson.feature_collection(features)

    def coco(self, name: str | None) -> dict[str, Any]:
        """For `coco`: a data set of one image."""
        outlines = self.outlines() if self.placement else None
        image = CocoImage(self.source, self.objects, name, outlines)
        return coco.dataset([image], self.card.label_names)

    def rois(self) -> bytes:
        """For `rois`: a zip for ImageJ's ROI Manager."""
        found = roi.regions(self.objects, self.outlines(), self.source, self.card.color)
        return roi.archive(found)

    def outlines(self) -> Mapping[int, ObjectOutline]:
        """Each object's polygons by its id; without one its box stands for it."""
        return {}

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        return legend_of(self.objects, self.card, picture, title)

    def _placement(self) -> dict[str, Any]:
        """Where the image lies in the larger one whose pixels the coordinates count."""
        return {"placement": self.placement.json()} if self.placement else {}

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
        address=picture.address,
        spacing=picture.spacing,
    )


def _caption(found: Object) -> str:
    return found.label if found.score is None else f"{found.label} {found.score:.2f}"


class Classed(Protocol):
    """What has a class."""

    @property
    def class_id(self) -> int: ...


Paint: TypeAlias = Literal["class", "object"]
"""What the colours of a picture stand for."""


def legend_of(
    objects: Sequence[Classed],
    card: ModelCard,
    picture: Rgb,
    title: Sequence[str],
    paint: Paint = "class",
) -> Rgb:
    """The picture with a legend that counts the objects of each class, in its colour where that is
    painted."""
    counts = Counter(found.class_id for found in objects)
    if paint == "object" and objects:
        counted = (f"{label(number, card)}: {count}" for number, count in sorted(counts.items()))
        lines = (*title, ", ".join(counted), "each object in a colour of its own")
        return with_legend(picture, PictureLegend(lines))
    classes = tuple(
        (f"{label(number, card)}: {count}", card.color(number))
        for number, count in sorted(counts.items())
    )
    lines = (*title,) if objects else (*title, "no objects")
    return with_legend(picture, PictureLegend(lines, classes=classes))
