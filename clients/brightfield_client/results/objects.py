"""What answers with objects have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from brightfield_client.optional import require
from brightfield_client.results.annotations import Placement, coco, feature_collection, table
from brightfield_client.results.found import Detection, ObjectClass
from brightfield_client.results.repeatable import Repeatable
from brightfield_client.results.result import Json, html_table

D = TypeVar("D", bound=Detection)


@dataclass(frozen=True, eq=False, kw_only=True)
class Objects(Repeatable, Generic[D]):
    """N objects of an image, and the classes that the model knows."""

    objects: tuple[D, ...] = field(repr=False)
    classes: tuple[ObjectClass, ...] = field(repr=False)

    @classmethod
    def _classes(cls, result: Json) -> tuple[ObjectClass, ...]:
        return tuple(map(ObjectClass.from_json, result["classes"]))

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """(N, 4): xmin, ymin, xmax, ymax."""
        return np.array([found.box for found in self.objects], np.float64).reshape(-1, 4)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,), NaN where an object has none."""
        return np.array([found.score for found in self.objects], np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How many objects there are of each class that the model knows."""
        found = Counter(found.class_id for found in self.objects)
        return {known.label: found[known.class_id] for known in self.classes}

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[D]:
        return iter(self.objects)

    def __getitem__(self, index: int) -> D:
        return self.objects[index]

    def to_pandas(self) -> Any:
        """A `DataFrame` with a row per object; the columns are those of `format="csv"`."""
        pandas = require("pandas", "to_pandas()", "brightfield[notebook]")
        columns, rows = self._table()
        return pandas.DataFrame(rows, columns=columns)

    def to_geojson(
        self, offset: tuple[float, float] = (0.0, 0.0), downsample: float = 1.0
    ) -> dict[str, Any]:
        """The feature collection that `format="geojson"` gives, for QuPath.

        `offset` is where the image's corner lies in a larger one, x and y in its pixels, and
        `downsample` how many of its pixels make one of this image.
        """
        return feature_collection(self.objects, self.classes, Placement(offset, downsample))

    def to_coco(self) -> dict[str, Any]:
        """The COCO data set that `format="coco"` gives."""
        return coco(self.objects, self.classes, self.image)

    def _table(self) -> tuple[list[str], list[list[Any]]]:
        return table(self.objects, self.image.get("pixel_size"))

    def _size(self) -> tuple[int, int]:
        """The image's height and width."""
        return int(self.image["height"]), int(self.image["width"])

    def _count_table(self) -> str:
        rows = [(label, str(count)) for label, count in self.counts.items()]
        return html_table(("class", "objects"), rows)
