"""What answers with objects have in common."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from brightfield_client.results._shapes import Detection, ObjectClass, Solid
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.result import Result
from brightfield_client.results.saving import Writers
from brightfield_client.results.table import (
    Cells,
    Columns,
    Listing,
    Table,
    cells,
    columns,
    html_table,
)
from brightfield_client.results.value import at

D = TypeVar("D", bound="Detection | Solid")
OBJECT = "id label class_id score"
MIDDLE = "centroid_x_px=centroid.x centroid_y_px=centroid.y"


@dataclass(frozen=True, eq=False, kw_only=True)
class Found(Result, Drawn, Listing[D], Table):
    """N objects, and the classes that the model knows.

    `to_pandas` has a row per object; the columns are those of `format="csv"`.
    """

    objects: tuple[D, ...] = at(repr=False)
    classes: tuple[ObjectClass, ...] = at(repr=False)

    @property
    def _drawing(self) -> Mapping[str, Any]:
        """Instances are told apart by their colours."""
        return {"paint": "object"} if getattr(self, "mode", None) == "instance" else {}

    @property
    def counts(self) -> dict[str, int]:
        """How many objects there are of each class that the model knows."""
        found = Counter(found.class_id for found in self.objects)
        return {known.label: found[known.class_id] for known in self.classes}

    @property
    def _items(self) -> tuple[D, ...]:
        return self.objects

    @abstractmethod
    def _columns(self) -> Columns:
        """What a row says of an object."""

    @property
    def _writers(self) -> Writers:
        return {".csv": self._write_csv}

    def _table(self) -> Cells:
        return cells(self._columns(), self)

    def _middles(self) -> Columns:
        """In micrometres, where the pixel size is known."""
        size = self.image.get("pixel_size")
        middle = "centroid_x_um=centroid.x centroid_y_um=centroid.y"
        return {} if size is None else columns(middle, size)

    def to_geojson(
        self, offset: tuple[float, float] = (0.0, 0.0), downsample: float = 1.0
    ) -> dict[str, Any]:
        """The feature collection that `format="geojson"` gives, for QuPath; see `again`.

        `offset` is where the image's corner lies in a larger one, x and y in its pixels, and
        `downsample` how many of its pixels make one of this image.
        """
        asked = self.again("geojson", offset=tuple(offset), downsample=downsample)
        return dict(json.loads(asked.content))

    def to_coco(self) -> dict[str, Any]:
        """The COCO data set that `format="coco"` gives; see `again`."""
        return dict(json.loads(self.again("coco").content))

    def _count_table(self) -> str:
        rows = [(label, str(count)) for label, count in self.counts.items()]
        return html_table(("class", "objects"), rows)

    def _repr_html_(self) -> str:
        return self._count_table() + self._caption()


class InOneImage(Found[D]):
    """What else there is of objects in one image: their boxes and scores as arrays."""

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """(N, 4): xmin, ymin, xmax, ymax of each object."""
        return np.array([found.box for found in self.objects], np.float64).reshape(-1, 4)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,): NaN where an object has none."""
        return np.array([found.score for found in self.objects], np.float64)
