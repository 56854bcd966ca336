"""What answers with objects have in common."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from brightfield_client.images import ImageSource
from brightfield_client.pictures import on_axes
from brightfield_client.results._shapes import ObjectClass
from brightfield_client.results.found import Detection, Solid
from brightfield_client.results.result import Result, frame, html_table
from brightfield_client.results.saving import Write, write_csv, write_json
from brightfield_client.results.value import at

D = TypeVar("D", bound="Detection | Solid")


@dataclass(frozen=True, eq=False, kw_only=True)
class Found(Result, Generic[D]):
    """N objects, and the classes that the model knows."""

    objects: tuple[D, ...] = at(repr=False)
    classes: tuple[ObjectClass, ...] = at(repr=False)

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
        return frame(*self._table())

    @abstractmethod
    def _no_object(self) -> D:
        """An object that stands for its columns alone."""

    def _table(self) -> tuple[list[str], list[list[Any]]]:
        size = self.image.get("pixel_size")
        rows = [found.row(size) for found in self.objects]
        columns = list((rows or [self._no_object().row(size)])[0])
        return columns, [list(row.values()) for row in rows]

    def _as_table(self, file: Path) -> None:
        write_csv(file, *self._table())

    def _as_json(self, file: Path) -> None:
        write_json(file, self.raw)

    def _count_table(self) -> str:
        rows = [(label, str(count)) for label, count in self.counts.items()]
        return html_table(("class", "objects"), rows)


class InOneImage(Found[D]):
    """What else there is of objects in one image: the forms that the service writes."""

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """(N, 4): xmin, ymin, xmax, ymax of each object."""
        return np.array([found.box for found in self.objects], np.float64).reshape(-1, 4)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,): NaN where an object has none."""
        return np.array([found.score for found in self.objects], np.float64)

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

    def overlay(self, *, alpha: float = 0.6) -> Any:
        """The objects drawn over the image by the service, as a Pillow image; see `again`."""
        return self.again("overlay", alpha=alpha).picture()

    def plot(self, image: ImageSource | None = None, *, ax: Any | None = None) -> Any:
        """Draw `overlay()` with matplotlib and return the axes.

        `image` is not needed: the answer knows the one that was asked about.
        """
        return on_axes(self.overlay(), ax, self.model.id)

    def _asked_again(self, **forms: str) -> dict[str, Write]:
        """Writers, by their suffixes, that have the service write a file in a form."""
        return {f".{suffix}": partial(self._ask_for, form) for suffix, form in forms.items()}

    def _ask_for(self, form: str, file: Path) -> Path:
        return self.again(form).save(file)
