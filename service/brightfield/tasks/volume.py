"""A stack segmented plane by plane and linked: a label volume and what is measured in it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.errors import UnfitImage
from brightfield.images import encode
from brightfield.images.labels import Labels, link_slices, smallest
from brightfield.images.objects import Object
from brightfield.results import Raster, Result, Space, Table
from brightfield.tasks.segmentation import Mode, Segmentation


@dataclass(frozen=True, slots=True)
class Solid:
    """An object through planes [zmin, zmax): its edges in pixels, voxels, centroid x, y, z.

    The centroid is in pixels and planes from the outer corner of the first voxel. The score is the
    mean of its planes' scores, weighed by their areas.
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
    """`labels` (Z, H, W): 0, and an object's id on each of its voxels."""

    formats: ClassVar[tuple[str, ...]] = ("json", "tiff", "npy", "csv")
    objects: tuple[Solid, ...]
    labels: NDArray[Any]
    mode: Mode
    card: ModelCard

    def payload(self, space: Space) -> dict[str, Any]:
        data = encode.tiff(self.labels, "ZYX")
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

    def raster(self, space: Space) -> Raster:
        return Raster(self.labels, "ZYX")

    def table(self) -> Table:
        columns = (
            "id", "label", "class_id", "score", "xmin", "ymin", "zmin", "xmax", "ymax", "zmax",
            "voxels", "centroid_x_px", "centroid_y_px", "centroid_z",
        )  # fmt: skip
        rows = [
            (s.id, s.label, s.class_id, s.score, *s.edges[:2], s.zmin, *s.edges[2:], s.zmax,
             s.voxels, *s.centroid)
            for s in self.objects
        ]  # fmt: skip
        return Table(columns, rows)


def linked(planes: Iterable[Segmentation], threshold: float) -> Volume:
    """The volume of planes in order; instances go on where `link_slices` says, classes as they are.

    Raises `UnfitImage` where the planes differ in size.
    """
    link = _Link(threshold)
    volume = [smallest(link.add(plane)) for plane in planes]
    dtype = max((plane.dtype for plane in volume), key=lambda dtype: dtype.itemsize)
    labels = np.stack([plane.astype(dtype, copy=False) for plane in volume])
    return Volume(tuple(link.solids()), labels, link.mode, link.card)


class _Link:
    """Planes numbered as they come, and the parts of each object."""

    mode: Mode
    card: ModelCard

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._previous: Labels | None = None
        self._free = 1
        self._planes = 0
        self._parts: dict[int, list[tuple[int, Object]]] = {}

    def add(self, plane: Segmentation) -> Labels:
        """The plane's labels under the numbers of the volume."""
        self.mode, self.card = plane.mode, plane.card
        labels = plane.labels if plane.mode == "semantic" else self._continued(plane.labels)
        numbers = np.zeros(int(plane.labels.max(initial=0)) + 1, np.int64)
        numbers[plane.labels.reshape(-1)] = labels.reshape(-1)
        for found in plane.objects:
            self._parts.setdefault(int(numbers[found.id]), []).append((self._planes, found))
        self._planes += 1
        return labels

    def solids(self) -> Iterator[Solid]:
        """The objects of the planes so far, by number."""
        for number, parts in sorted(self._parts.items()):
            yield _solid(number, parts)

    def _continued(self, labels: Labels) -> Labels:
        previous = np.zeros_like(labels) if self._previous is None else self._previous
        if previous.shape != labels.shape:
            raise UnfitImage("The planes of the stack differ in size; they make no volume.")
        labels, self._free = link_slices(
            previous, labels, first_new=self._free, threshold=self._threshold
        )
        self._previous = labels
        return labels


def _solid(number: int, parts: list[tuple[int, Object]]) -> Solid:
    planes = np.array([plane for plane, _ in parts])
    measures = [found.measures for _, found in parts]
    areas = np.array([m.area_px for m in measures if m is not None], np.float64)
    centres = np.array([m.centroid for m in measures if m is not None])
    scores = np.array([found.score or 0.0 for _, found in parts])
    boxes = np.array([list(found.box.json().values()) for _, found in parts])
    x, y = (float(value) for value in areas @ centres / areas.sum())
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    largest = parts[int(areas.argmax())][1]
    return Solid(
        id=number,
        label=largest.label,
        class_id=largest.class_id,
        score=float(areas @ scores / areas.sum()),
        edges=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        zmin=int(planes.min()),
        zmax=int(planes.max()) + 1,
        voxels=int(areas.sum()),
        centroid=(x, y, float(areas @ (planes + 0.5) / areas.sum())),
    )
