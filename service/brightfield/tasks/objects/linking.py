"""Planes of a stack, segmented one by one, to a volume: which objects go on in the next plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.errors import UnfitImage
from brightfield.images.labels import Labels, link_slices, smallest
from brightfield.images.objects import Object, ObjectSource
from brightfield.tasks.objects.montage import Previews
from brightfield.tasks.objects.segmentation import Mode, SegmentedObjects
from brightfield.tasks.objects.volume import Solid, Volume, VolumePlane
from brightfield.tensors import Rgb

SegmentedPlane = tuple[SegmentedObjects, Rgb]
"""A plane's segmentation, and the plane as it is shown."""


def linked(planes: Iterable[SegmentedPlane], threshold: float) -> Volume:
    """The volume of planes in order; instances go on where `link_slices` says, classes as they are.

    Raises `UnfitImage` where the planes differ in size.
    """
    link, previews = _Link(threshold), Previews()
    volume: list[NDArray[Any]] = []
    for segmented, shown in planes:
        volume.append(smallest(link.add(segmented)))
        depth = segmented.source.address.depth
        previews.add(shown, volume[-1], len(volume) - 1 if depth is None else depth)
    dtype = max((plane.dtype for plane in volume), key=lambda dtype: dtype.itemsize)
    labels = np.empty((len(volume), *volume[0].shape), dtype)
    for place in range(len(volume)):
        labels[place] = volume[place]
        volume[place] = labels[place]  # its own memory is freed
    solids = tuple(link.solids())
    return Volume(
        solids, labels, link.mode, link.card, link.source, link.planes(solids), previews.kept
    )


class _Link:
    """Planes numbered as they come, and the parts of each object."""

    mode: Mode
    card: ModelCard
    source: ObjectSource
    """What the planes have in common."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._previous: Labels | None = None
        self._free = 1
        self._planes: list[_Parts] = []
        self._objects: list[VolumePlane] = []

    def add(self, plane: SegmentedObjects) -> Labels:
        """The plane's labels under the numbers of the volume."""
        self.mode, self.card = plane.mode, plane.card
        self.source = replace(plane.source, address=plane.source.address.whole_stack())
        previous = plane.labels if self._previous is None else self._previous
        if previous.shape != plane.labels.shape:
            raise UnfitImage("The planes of the stack differ in size; they make no volume.")
        labels = plane.labels if plane.mode == "semantic" else self._continued(plane.labels)
        numbers = np.zeros(int(plane.labels.max(initial=0)) + 1, np.int64)
        numbers[plane.labels.reshape(-1)] = labels.reshape(-1)
        self._planes.append(_Parts.of(plane.objects, numbers, len(self._planes)))
        parts = (replace(found, id=int(numbers[found.id])) for found in plane.objects)
        self._objects.append(VolumePlane(plane.source, tuple(parts)))
        self._previous = labels
        return labels

    def solids(self) -> list[Solid]:
        """The objects of the planes so far, by number."""
        parts = _Parts(*(np.concatenate(column) for column in zip(*self._planes, strict=True)))
        return _solids(parts, self.card, self.source)

    def planes(self, solids: Sequence[Solid]) -> tuple[VolumePlane, ...]:
        """Each plane's parts; a part has the class of its object, and its own score."""
        known = {solid.id: solid for solid in solids}
        return tuple(
            VolumePlane(plane.source, tuple(_classed(part, known[part.id]) for part in plane.parts))
            for plane in self._objects
        )

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


def _classed(part: Object, solid: Solid) -> Object:
    return replace(part, label=solid.label, class_id=solid.class_id)


def _voxel(source: ObjectSource) -> float | None:
    """Cubic micrometres."""
    if source.pixel_size is None or source.spacing is None:
        return None
    return source.pixel_size**2 * source.spacing


def _solids(parts: _Parts, card: ModelCard, source: ObjectSource) -> list[Solid]:
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
    voxel = _voxel(source)
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
            volume_um3=None if voxel is None else float(size) * voxel,
        )
        for number, class_id, score, begin, end, size, centroid in zip(
            *columns, voxels.tolist(), centroids, strict=True
        )
    ]
