"""What the service says of collections."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.errors import BrightfieldError, api_error
from brightfield_client.results._shapes import NearestItems, Neighbor
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.saving import save_as
from brightfield_client.results.table import Cells, Listing, Table, html_table
from brightfield_client.results.value import Json, Value, at


@dataclass(frozen=True)
class Addition(Value):
    """What became of an item: `outcome` is added, unchanged, replaced or failed, and then there is
    an `error`."""

    id: str | None
    outcome: str
    error: BrightfieldError | None = None

    @classmethod
    def _read(cls, value: Json) -> dict[str, Any]:
        problem = value.get("error")
        if problem is None:
            return super()._read(value)
        fault = api_error(int(problem["status"]), problem)
        return {"id": value["id"], "outcome": "failed", "error": fault}


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbors(NearestItems, Drawn, Listing[Neighbor], Table):
    """The nearest items, the nearest first, of so many `searched`.

    Of a search that was not `exact`, `recall` is the measured share of the true neighbours that
    such searches find; `raw["recall"]` says how it was measured. `to_pandas` has a row per item:
    id, distance, and each key of the metadata. `picture` has the query and the items side by side.
    """

    _form = "png"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.found]

    @property
    def _items(self) -> tuple[Neighbor, ...]:
        return self.found

    def _table(self) -> Cells:
        keys = list(dict.fromkeys(key for each in self.found for key in each.metadata))
        rows = ((e.id, e.distance, *(e.metadata.get(key) for key in keys)) for e in self.found)
        return ("id", "distance", *keys), rows

    def _repr_html_(self) -> str:
        rows = ((each.id, f"{each.distance:.4f}") for each in self.found)
        return self._shown("neighbours") + html_table(("id", html.escape(self.metric)), rows)


def _points(points: Json) -> npt.NDArray[np.float64]:
    return np.array([points[axis] for axis in "xyz" if axis in points], np.float64).T


@dataclass(frozen=True, eq=False, kw_only=True)
class Clusters(Value, Table):
    """k-means: the `labels` of the `ids`, and of each cluster its size and the ids nearest its
    centre. `to_pandas` has a row per item: id, cluster."""

    k: int
    inertia: float
    silhouette: float | None = at("silhouette.value")
    ids: tuple[str, ...] = at(repr=False)
    labels: npt.NDArray[np.int64] = at(repr=False)
    sizes: tuple[int, ...] = at("clusters.size")
    members: tuple[tuple[str, ...], ...] = at("clusters.members", repr=False)
    raw: Json = at(whole=True, repr=False)

    def _table(self) -> Cells:
        return ("id", "cluster"), zip(self.ids, self.labels.tolist(), strict=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class Projection(Drawn, Table):
    """A map: `points` (N, 2) or (N, 3) of the `ids`; `placed` are those that came later.

    `trustworthiness` is 1 where all neighbours on the map are neighbours in truth, None for few
    items. `to_pandas` has a row per item: id, x, y and perhaps z.
    """

    _form: ClassVar[str] = "png"
    _legend: ClassVar[bool] = False
    id: str
    method: str
    ids: tuple[str, ...] = at("points.ids", repr=False)
    points: npt.NDArray[np.float64] = at(read=_points, repr=False)
    trustworthiness: float | None = at("trustworthiness.value")
    placed: tuple[str, ...] = at(repr=False)
    raw: Json = at(whole=True, repr=False)

    def picture(self, by: str | None = None, **choice: Any) -> PillowImage.Image:
        """The map as the service draws it: thumbnails, or points coloured by a key of the metadata.

        `choice` are `clusters` (points coloured by k-means with so many), size, tile, thumbnails;
        `filter`, `ids` or `run` (its worst cases): items that do not pass are pale points.
        """
        return super().picture(by=by, **choice)

    def save(self, path: str | Path, **choice: Any) -> Path:
        """Write .json, the whole answer, .csv, a row per item, or the map as .png or .svg, drawn
        by the `choice` as `picture` takes it."""
        asked = {".png": "png", ".svg": "svg"}
        return save_as(self, path, {".csv": self._write_csv, **asked}, **choice)

    def _repr_html_(self) -> str:
        return self._shown(self.method)

    def _table(self) -> Cells:
        axes = "xyz"[: self.points.shape[1]]
        named = zip(self.ids, self.points.tolist(), strict=True)
        return ("id", *axes), [(name, *point) for name, point in named]
