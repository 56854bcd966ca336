"""What the service says of collections."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.errors import BrightfieldError, api_error
from brightfield_client.results._answers import ProjectedItems
from brightfield_client.results._shapes import ItemGroups, NearestItems, Neighbor
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.saving import Writers
from brightfield_client.results.table import Cells, Listing, Table, html_table
from brightfield_client.results.value import Json, Value, at


@dataclass(frozen=True)
class Addition(Value):
    """What became of an item: `outcome` is added, unchanged, replaced or failed, and then there is
    an `error`."""

    id: str | None
    outcome: str = "failed"
    error: BrightfieldError | None = at(
        default=None, read=lambda problem: api_error(int(problem["status"]), problem)
    )


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


class Clusters(ItemGroups, Table):
    """k-means: the `labels` of the `ids`, and of each cluster its size and the ids nearest its
    centre. `to_pandas` has a row per item: id, cluster."""

    def _table(self) -> Cells:
        return ("id", "cluster"), zip(self.ids, self.labels.tolist(), strict=True)

    def _repr_html_(self) -> str:
        return html_table(("cluster", "items"), ([*map(str, e)] for e in enumerate(self.sizes)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Projection(ProjectedItems, Drawn, Table):
    """A map: `points` (N, 2) or (N, 3) of the `ids`; `placed` are those that came later.

    `trustworthiness` is 1 where all neighbours on the map are neighbours in truth, None for few
    items. `to_pandas` has a row per item: id, x, y and perhaps z; .csv, too. Saved as .png or .svg
    it is drawn by the choice that `picture` takes.
    """

    _form: ClassVar[str] = "png"
    _forms = ".png=png .svg=svg"
    _legend: ClassVar[bool] = False
    points: npt.NDArray[np.float64] = at(read=_points, repr=False)

    def picture(self, by: str | None = None, **choice: Any) -> PillowImage.Image:
        """The map as the service draws it: thumbnails, or points coloured by a key of the metadata.

        `choice` are `clusters` (points coloured by k-means with so many), size, tile, thumbnails;
        `filter`, `ids` or `run` (its worst cases): items that do not pass are pale points.
        """
        return super().picture(by=by, **choice)

    @property
    def _writers(self) -> Writers:
        return {".csv": self._write_csv}

    def _repr_html_(self) -> str:
        return self._shown(self.method)

    def _table(self) -> Cells:
        axes = "xyz"[: self.points.shape[1]]
        named = zip(self.ids, self.points.tolist(), strict=True)
        return ("id", *axes), [(name, *point) for name, point in named]
