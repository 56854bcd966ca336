"""A stack segmented plane by plane and linked: a label volume and what is measured in it."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.errors import UnfitImage
from brightfield.images import encode
from brightfield.images.labels import Labels, link_slices, smallest
from brightfield.images.objects import Object
from brightfield.results import MapSpace, Raster, Result, ResultTable
from brightfield.tasks.objects.segmentation import Mode, SegmentedObjects


@dataclass(frozen=True, slots=True)
class Solid:
    """An object through planes [zmin, zmax): its edges in pixels, voxels, centroid x, y, z.

    The centroid is in pixels and planes from the outer corner of the first voxel. The score is the
    mean of its planes' scores, weighed by their areas, the class that of its largest plane.
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
            "centroid": {"x": x, "y": y, "z": z},
        }  # fmt: skip


@dataclass(frozen=True)
class Volume(Result):
    """`labels` (Z, H, W): 0, and an object's id on each of its voxels.

    `pixel_size` is micrometres per pixel within a plane, None where it is unknown.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "tiff", "npy", "csv")
    objects: tuple[Solid, ...]
    labels: NDArray[Any]
    mode: Mode
    card: ModelCard
    pixel_size: float | None = None

    def payload(self, space: MapSpace) -> dict[str, Any]:
        data = encode.tiff(self.labels, "ZYX", pixel_size=self.pixel_size)
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
        }

    @property
    def diameters(self) -> Sequence[float]:
        if self.mode == "semantic":
            return ()
        boxes = (found.edges for found in self.objects)
        return [math.sqrt((xmax - xmin) * (ymax - ymin)) for xmin, ymin, xmax, ymax in boxes]

    def raster(self, space: MapSpace) -> Raster:
        return Raster(self.labels, "ZYX")

    def table(self) -> ResultTable:
        """One row per object; the middle in micrometres too where the pixel size is known."""
        size = self.pixel_size
        columns: tuple[str, ...] = (
            "id", "label", "class_id", "score", "xmin", "ymin", "zmin", "xmax", "ymax", "zmax",
            "voxels", "centroid_x_px", "centroid_y_px", "centroid_z",
        )  # fmt: skip
        rows: list[tuple[Any, ...]] = [
            (s.id, s.label, s.class_id, s.score, *s.edges[:2], s.zmin, *s.edges[2:], s.zmax,
             s.voxels, *s.centroid)
            for s in self.objects
        ]  # fmt: skip
        if size is not None:
            columns += ("centroid_x_um", "centroid_y_um")
            middles = [(s.centroid[0] * size, s.centroid[1] * size) for s in self.objects]
            rows = [row + middle for row, middle in zip(rows, middles, strict=True)]
        return ResultTable(columns, rows)


def linked(planes: Iterable[SegmentedObjects], threshold: float) -> Volume:
    """The volume of planes in order; instances go on where `link_slices` says, classes as they are.

    Raises `UnfitImage` where the planes differ in size.
    """
    link = _Link(threshold)
    volume: list[NDArray[Any]] = [smallest(link.add(plane)) for plane in planes]
    dtype = max((plane.dtype for plane in volume), key=lambda dtype: dtype.itemsize)
    labels = np.empty((len(volume), *volume[0].shape), dtype)
    for place in range(len(volume)):
        labels[place] = volume[place]
        volume[place] = labels[place]  # its own memory is freed
    return Volume(tuple(link.solids()), labels, link.mode, link.card, link.pixel_size)


class _Link:
    """Planes numbered as they come, and the parts of each object."""

    mode: Mode
    card: ModelCard
    pixel_size: float | None

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._previous: Labels | None = None
        self._free = 1
        self._planes: list[_Parts] = []

    def add(self, plane: SegmentedObjects) -> Labels:
        """The plane's labels under the numbers of the volume."""
        self.mode, self.card, self.pixel_size = plane.mode, plane.card, plane.source.pixel_size
        previous = plane.labels if self._previous is None else self._previous
        if previous.shape != plane.labels.shape:
            raise UnfitImage("The planes of the stack differ in size; they make no volume.")
        labels = plane.labels if plane.mode == "semantic" else self._continued(plane.labels)
        numbers = np.zeros(int(plane.labels.max(initial=0)) + 1, np.int64)
        numbers[plane.labels.reshape(-1)] = labels.reshape(-1)
        self._planes.append(_Parts.of(plane.objects, numbers, len(self._planes)))
        self._previous = labels
        return labels

    def solids(self) -> list[Solid]:
        """The objects of the planes so far, by number."""
        parts = _Parts(*(np.concatenate(column) for column in zip(*self._planes, strict=True)))
        return _solids(parts, self.card)

    def _continued(self, labels: Labels) -> Labels:
        previous = np.zeros_like(labels) if self._previous is None else self._previous
        labels, self._free = link_slices(
            previous, labels, first_new=self._free, threshold=self._threshold
        )
        return labels


class _Parts(NamedTuple):
    """Of n objects of planes: their numbers in the volume, (n,), and what is known of each.

    `boxes` (n, 4) and `centres` (n, 3) x, y, z.
    """

    numbers: NDArray[np.int64]
    areas: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    centres: NDArray[np.float64]

    @classmethod
    def of(cls, objects: Sequence[Object], numbers: NDArray[np.int64], plane: int) -> _Parts:
        measured = [(found, found.measures) for found in objects if found.measures is not None]
        centres = [(*measures.centroid, plane + 0.5) for _, measures in measured]
        boxes = [(f.box.xmin, f.box.ymin, f.box.xmax, f.box.ymax) for f, _ in measured]
        return cls(
            numbers[np.array([found.id for found, _ in measured], np.int64)],
            np.array([measures.area_px for _, measures in measured], np.float64),
            np.array([found.score or 0.0 for found, _ in measured], np.float64),
            np.array([found.class_id for found, _ in measured], np.int64),
            np.array(boxes, np.float64).reshape(-1, 4),
            np.array(centres, np.float64).reshape(-1, 3),
        )


def _solids(parts: _Parts, card: ModelCard) -> list[Solid]:
    ids, index = np.unique(parts.numbers, return_inverse=True)
    voxels = np.bincount(index, parts.areas, len(ids))

    def mean(values: NDArray[np.float64]) -> list[float]:
        means: list[float] = (np.bincount(index, parts.areas * values, len(ids)) / voxels).tolist()
        return means

    # Corners of the part in its plane and through it: x, y, z.
    low, high = np.full((len(ids), 3), np.inf), np.zeros((len(ids), 3))
    halves = np.array([0.0, 0.0, 0.5])
    depth = parts.centres[:, 2:]
    np.minimum.at(low, index, np.hstack([parts.boxes[:, :2], depth]) - halves)
    np.maximum.at(high, index, np.hstack([parts.boxes[:, 2:], depth]) + halves)
    by_area = np.lexsort((-parts.areas, index))
    largest = parts.class_ids[by_area[np.unique(index[by_area], return_index=True)[1]]].tolist()
    centroids = zip(*(mean(axis) for axis in parts.centres.T), strict=True)
    columns = (ids.tolist(), largest, mean(parts.scores), low.tolist(), high.tolist())
    return [
        Solid(
            id=number,
            label=card.label_names[class_id],
            class_id=class_id,
            score=score,
            edges=(begin[0], begin[1], end[0], end[1]),
            zmin=int(begin[2]),
            zmax=int(end[2]),
            voxels=int(size),
            centroid=centroid,
        )
        for number, class_id, score, begin, end, size, centroid in zip(
            *columns, voxels.tolist(), centroids, strict=True
        )
    ]
