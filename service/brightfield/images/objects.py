"""An object found in an image, and what is measured of it.

Coordinates are pixels of the image with the origin at the outer corner of the top-left pixel: the
pixel in row i and column j covers [j, j + 1] x [i, i + 1] and its centre is (j + 0.5, i + 0.5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.labels import Labels
from brightfield.images.plane_address import PLAIN, PlaneAddress
from brightfield.images.rle import Rle
from brightfield.images.runs import LabelRuns, find_runs
from brightfield.results import finite
from brightfield.tensors import Indices, Pixels

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """What the objects were found in, and by which model.

    `width` and `height` in pixels, `pixel_size` in micrometres and `spacing` from plane to plane
    (None when unknown), `sha256` of the image's bytes, `model` the model's id and version, as
    `nuclei@1`, `address` the plane of the file.
    """

    width: int
    height: int
    sha256: str
    model: str
    pixel_size: float | None = None
    address: PlaneAddress = PLAIN
    spacing: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its edges; around the one pixel at (0, 0) it is 0, 0, 1, 1."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    @property
    def width(self) -> float:
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        return self.ymax - self.ymin

    def json(self) -> dict[str, float]:
        """`{"xmin", "ymin", "xmax", "ymax"}`."""
        return {"xmin": self.xmin, "ymin": self.ymin, "xmax": self.xmax, "ymax": self.ymax}


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of an object's pixels.

    `area_px` is whole unless the object was placed in an image of other pixels. `centroid` is
    (x, y); `mean_intensity` has one value per channel, in the image's own values,
    None where no pixel of the object is finite; `area_um2` is None when the pixel size is unknown.
    """

    area_px: float
    centroid: tuple[float, float]
    mean_intensity: tuple[float | None, ...]
    area_um2: float | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """An object found in an image.

    `id` counts from 1 and is the object's value in the label image, where there is one; `class_id`
    is the position of `label` among the model's labels. Objects without a mask have neither
    `measures` nor `rle`.
    """

    id: int
    label: str
    class_id: int
    box: Box
    score: float | None = None
    measures: Measures | None = None
    rle: Rle | None = None

    def json(self) -> dict[str, Any]:
        """The object in an endpoint's `objects`; what is not known is left out, but for `score`."""
        content: dict[str, Any] = {
            "id": self.id,
            "label": self.label,
            "class_id": self.class_id,
            "score": self.score,
            "box": self.box.json(),
        }
        if (measures := self.measures) is not None:
            content["area_px"] = measures.area_px
            if measures.area_um2 is not None:
                content["area_um2"] = measures.area_um2
            content["centroid"] = {"x": measures.centroid[0], "y": measures.centroid[1]}
            content["mean_intensity"] = list(measures.mean_intensity)
        if self.rle is not None:
            content["rle"] = self.rle.json()
        return content


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of all N objects of a label image, by ascending label.

    `labels` (N,); `boxes` (N, 4) xmin, ymin, xmax, ymax; `area_px` (N,); `area_um2` (N,) or None;
    `centroids` (N, 2) x, y; `mean_intensity` (N, C), NaN where no pixel of the object is finite.
    """

    labels: Indices
    boxes: Indices
    area_px: Indices
    area_um2: Floats | None
    centroids: Floats
    mean_intensity: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def box(self, index: int) -> Box:
        """The box of the object at `index`."""
        return Box(*(float(edge) for edge in self.boxes[index]))

    def measures(self, index: int) -> Measures:
        """The measures of the object at `index`."""
        x, y = self.centroids[index]
        return Measures(
            area_px=int(self.area_px[index]),
            centroid=(float(x), float(y)),
            mean_intensity=tuple(finite(mean) for mean in self.mean_intensity[index]),
            area_um2=None if self.area_um2 is None else float(self.area_um2[index]),
        )

    def objects(
        self,
        names: Sequence[str],
        class_ids: Sequence[int] | Indices,
        scores: Sequence[float | None] | Floats | None = None,
        rles: Mapping[int, Rle] | None = None,
    ) -> tuple[Object, ...]:
        """The objects with a class and score each, in the order of `labels`; ids are the labels.

        `names` are the model's labels by class id; `scores` and `rles` are left out where there
        are none.
        """
        known: Sequence[Any] = [None] * len(self) if scores is None else list(scores)
        return tuple(
            Object(
                id=int(label),
                label=names[int(class_id)],
                class_id=int(class_id),
                box=self.box(index),
                score=None if score is None else float(score),
                measures=self.measures(index),
                rle=None if rles is None else rles[int(label)],
            )
            for index, (label, class_id, score) in enumerate(
                zip(self.labels, class_ids, known, strict=True)
            )
        )


def measure(labels: Labels, pixels: Pixels, pixel_size: float | None = None) -> Measured:
    """Areas, boxes, centroids and mean intensities of the objects of a label image.

    `labels` (H, W) and `pixels` (H, W, C) in their own values; `pixel_size` in micrometres.
    An object need not be connected; labels need not be consecutive. The area is the number of
    pixels (times the pixel size squared), the centroid the mean of their centres, the intensity
    the mean over the pixels that are finite: as in skimage.measure.regionprops, but for the
    origin of coordinates, which there is the centre of the top-left pixel.
    """
    width = labels.shape[1]
    runs = find_runs(labels.reshape(-1), row=width)
    found, index = np.unique(runs.labels, return_inverse=True)
    objects = _Summed(runs, index, len(found), width)
    chosen = found > 0
    area = objects.area[chosen]
    means = [objects.mean(pixels[..., channel].reshape(-1)) for channel in range(pixels.shape[2])]
    return Measured(
        labels=found[chosen],
        boxes=objects.boxes()[chosen],
        area_px=area,
        area_um2=None if pixel_size is None else area * np.float64(pixel_size**2),
        centroids=objects.centroids()[chosen],
        mean_intensity=np.stack(means, axis=1)[chosen],
    )


@dataclass(frozen=True, slots=True)
class _Summed:
    """Sums over the runs of each of `count` labels; run k belongs to the label `index[k]`."""

    runs: LabelRuns
    index: Indices
    count: int
    width: int

    @property
    def area(self) -> Indices:
        return self._sum(self.runs.lengths).astype(np.int64)

    def boxes(self) -> Indices:
        row, column = np.divmod(self.runs.starts, max(1, self.width))
        boxes = np.empty((self.count, 4), np.int64)
        boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, 0
        np.minimum.at(boxes[:, 0], self.index, column)
        np.minimum.at(boxes[:, 1], self.index, row)
        np.maximum.at(boxes[:, 2], self.index, column + self.runs.lengths)
        np.maximum.at(boxes[:, 3], self.index, row + 1)
        return boxes

    def centroids(self) -> Floats:
        row, column = np.divmod(self.runs.starts, max(1, self.width))
        lengths = self.runs.lengths
        x = self._sum(lengths * (column + lengths / 2))
        y = self._sum(lengths * (row + 0.5))
        return np.stack([x, y], axis=1) / self.area[:, None]

    def mean(self, values: NDArray[Any]) -> Floats:
        """(count,) over the finite ones of the flat image's values, NaN where there are none."""
        if values.dtype.kind == "f":
            is_finite = np.isfinite(values)
            if not is_finite.all():
                total = self._sum(self._per_run(np.where(is_finite, values, 0)))
                number = self._sum(self._per_run(is_finite))
                means = np.full(self.count, np.nan)
                np.divide(total, number, out=means, where=number > 0)
                return means
        return self._sum(self._per_run(values)) / self.area

    def _per_run(self, values: NDArray[Any]) -> Floats:
        if not self.runs.starts.size:
            return np.zeros(0)
        sums: Floats = np.add.reduceat(values, self.runs.starts, dtype=np.float64)
        return sums

    def _sum(self, per_run: NDArray[Any]) -> Floats:
        sums: Floats = np.bincount(self.index, per_run, self.count).astype(np.float64, copy=False)
        return sums
