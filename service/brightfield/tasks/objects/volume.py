"""A stack segmented plane by plane and linked: a label volume and what is measured in it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.images import encode
from brightfield.images.annotations import coco, geojson, roi
from brightfield.images.annotations.coco import CocoImage
from brightfield.images.contours import ObjectOutline, trace
from brightfield.images.objects import Object, ObjectSource
from brightfield.images.picture import Note
from brightfield.images.placement import FieldPlacement
from brightfield.palette import Color, one_each
from brightfield.results import MapSpace, Raster, Result, ResultTable
from brightfield.tasks.objects.montage import PlanePreview, montage
from brightfield.tasks.objects.objects import PLACED, Paint, legend_of
from brightfield.tasks.objects.segmentation import Mode


@dataclass(frozen=True, slots=True)
class Solid:
    """An object through planes [zmin, zmax): its edges in pixels, voxels, centroid x, y, z.

    The centroid is in pixels and planes from the outer corner of the first voxel; `volume_um3` in
    cubic micrometres is None where the size of a voxel is unknown. The score is the mean of its
    planes' scores, weighed by their areas, the class that of its largest plane.
    """

    id: int
    label: str
    class_id: int
    score: float
    edges: tuple[float, float, float, float]
    zmin: int
    zmax: int
    voxels: int
    centroid: tuple[float, float, float]
    volume_um3: float | None = None

    def json(self) -> dict[str, Any]:
        xmin, ymin, xmax, ymax = self.edges
        x, y, z = self.centroid
        return {
            "id": self.id,
            "label": self.label,
            "class_id": self.class_id,
            "score": self.score,
            "box": {
                "xmin": xmin, "ymin": ymin, "zmin": self.zmin,
                "xmax": xmax, "ymax": ymax, "zmax": self.zmax,
            },
            "voxels": self.voxels,
            **({} if self.volume_um3 is None else {"volume_um3": self.volume_um3}),
            "centroid": {"x": x, "y": y, "z": z},
        }  # fmt: skip

    def placed(self, placement: FieldPlacement) -> Solid:
        """The same with its edges and middle in pixels of a larger image; voxels stay."""
        xmin, ymin, xmax, ymax = self.edges
        edges = (*placement.point(xmin, ymin), *placement.point(xmax, ymax))
        x, y, z = self.centroid
        return replace(self, edges=edges, centroid=(*placement.point(x, y), z))


@dataclass(frozen=True, slots=True)
class VolumePlane:
    """The parts of objects that lie in one plane, under the objects' numbers and classes."""

    source: ObjectSource
    parts: tuple[Object, ...]

    def placed(self, placement: FieldPlacement) -> VolumePlane:
        """The same in pixels of a larger image."""
        return VolumePlane(placement.source(self.source), tuple(map(placement.moved, self.parts)))


@dataclass(frozen=True)
class Volume(Result):
    """`labels` (Z, H, W): 0, and an object's id on each of its voxels.

    `source` is what the planes have in common. In the formats of objects in images (`geojson`,
    `coco`, `rois`) each object is written once in every plane that it goes through.
    """

    formats: ClassVar[tuple[str, ...]] = (
        "json", "tiff", "npy", "geojson", "coco", "rois", "csv", "overlay",
    )  # fmt: skip
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "offset": (*PLACED, "tiff"),
        "downsample": (*PLACED, "tiff"),
        "alpha": ("overlay",),
        "legend": ("overlay",),
    }
    objects: tuple[Solid, ...]
    labels: NDArray[Any]
    mode: Mode
    card: ModelCard
    source: ObjectSource
    planes: tuple[VolumePlane, ...]
    previews: tuple[PlanePreview, ...] = ()
    paint: Paint = "class"
    placement: FieldPlacement = field(default=FieldPlacement(), kw_only=True)

    def payload(self, space: MapSpace) -> dict[str, Any]:
        raster = self.raster(space)
        data = encode.tiff(
            raster.array, raster.axes, pixel_size=self.source.pixel_size, spacing=raster.spacing
        )
        return {
            "mode": self.mode,
            "planes": len(self.labels),
            "classes": [
                {"class_id": i, "label": name, "color": self.card.color(i)}
                for i, name in enumerate(self.card.label_names)
            ],
            "objects": [found.json() for found in self.objects],
            "mask": {
                "format": "tiff",
                "bits": 8 * self.labels.dtype.itemsize,
                "data": base64.b64encode(data).decode("ascii"),
            },
            **({"placement": self.placement.json()} if self.placement else {}),
        }

    @property
    def diameters(self) -> Sequence[float] | None:
        if self.mode == "semantic":
            return None
        boxes = (found.edges for found in self.objects)
        return [math.sqrt((xmax - xmin) * (ymax - ymin)) for xmin, ymin, xmax, ymax in boxes]

    def in_larger(self, offset: tuple[float, float], downsample: float) -> Volume:
        placement = FieldPlacement(offset, downsample)
        return replace(
            self,
            objects=tuple(found.placed(placement) for found in self.objects),
            planes=tuple(plane.placed(placement) for plane in self.planes),
            source=placement.source(self.source),
            placement=placement,
        )

    def raster(self, space: MapSpace) -> Raster:
        placement = self.placement
        x, y = (edge / placement.downsample for edge in placement.offset)
        return Raster(self.labels, "ZYX", spacing=self.source.spacing, origin=(x, y))

    @property
    def about(self) -> dict[str, str]:
        return self.placement.about

    def table(self) -> ResultTable:
        """One row per object; in micrometres too, as far as the size of a voxel is known."""
        size, spacing = self.source.pixel_size, self.source.spacing
        columns = [
            "id", "label", "class_id", "score", "xmin", "ymin", "zmin", "xmax", "ymax", "zmax",
            "voxels", "centroid_x_px", "centroid_y_px", "centroid_z",
        ]  # fmt: skip
        columns += [] if size is None else ["centroid_x_um", "centroid_y_um"]
        columns += [] if spacing is None else ["centroid_z_um"]
        columns += ["volume_um3"] if size is not None and spacing is not None else []
        rows = [
            [
                *(s.id, s.label, s.class_id, s.score, *s.edges[:2], s.zmin, *s.edges[2:], s.zmax),
                *(s.voxels, *s.centroid),
                *(() if size is None else (s.centroid[0] * size, s.centroid[1] * size)),
                *(() if spacing is None else (s.centroid[2] * spacing,)),
                *(() if s.volume_um3 is None else (s.volume_um3,)),
            ]
            for s in self.objects
        ]
        return ResultTable(tuple(columns), rows)

    def geojson(self) -> dict[str, Any]:
        """For `geojson`: a feature per object and plane."""
        features = [
            feature
            for index, plane in enumerate(self.planes)
            for feature in geojson.features(
                plane.parts, self._outlines(index), plane.source, self.card.color
            )
        ]
        return geojson.feature_collection(features)

    def coco(self, name: str | None) -> dict[str, Any]:
        """For `coco`: a data set with an image for each plane, named `FILE#z=PLANE`, since other
        tools take images of one name for one image."""
        file = name or self.source.sha256
        images = [
            CocoImage(
                plane.source,
                plane.parts,
                f"{file}#z={plane.source.address.depth or 0}",
                self._outlines(index) if self.placement else None,
            )
            for index, plane in enumerate(self.planes)
        ]
        return coco.dataset(images, self.card.label_names)

    def rois(self) -> bytes:
        """For `rois`: a zip with a region per object and plane, each at its slice."""
        return roi.archive(
            region
            for index, plane in enumerate(self.planes)
            for region in roi.regions(
                plane.parts, self._outlines(index), plane.source, self.card.color
            )
        )

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        """The planes side by side, with their objects; `picture`, which is one of them, is not
        needed."""
        full = self.paint == "object"
        return montage(self.previews, self._colors(), alpha, len(self.labels), full=full)

    def left_out(self, form: str) -> Sequence[Note]:
        shown, planes = len(self.previews), len(self.labels)
        if form != "overlay" or shown == planes:
            return ()
        return (Note("planes_left_out", f"The picture shows {shown} of {planes} planes."),)

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        return legend_of(self.objects, self.card, picture, title, self.paint)

    def _colors(self) -> dict[int, Color]:
        if self.paint == "object":
            return one_each(found.id for found in self.objects)
        return {found.id: self.card.color(found.class_id) for found in self.objects}

    def _outlines(self, index: int) -> Mapping[int, ObjectOutline]:
        traced = trace(self.labels[index])
        return self.placement.outlines(traced) if self.placement else traced
