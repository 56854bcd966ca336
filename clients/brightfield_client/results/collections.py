"""What the service says of collections."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from brightfield_client.errors import BrightfieldError, api_error
from brightfield_client.optional import require
from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Json, html_table
from brightfield_client.results.saving import save_as, write_csv, write_json


@dataclass(frozen=True)
class CollectionInfo:
    """What a collection is made of. `model` is None where it has vectors alone, `dim` before the
    first of them."""

    name: str
    model: str | None
    layer: str | None
    metric: str
    dim: int | None
    items: int
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, value: Json) -> CollectionInfo:
        names = ("name", "model", "layer", "metric", "dim", "items")
        return cls(**{name: value[name] for name in names}, raw=value)


@dataclass(frozen=True)
class IndexInfo:
    """An index of a collection: the items it holds, and those `waiting`, which come in with the
    next search. `recall` is the measured share of the 10 true neighbours that it finds with 100
    candidates; `raw["recalls"]` has further settings."""

    method: str
    m: int
    ef_construction: int
    indexed: int
    waiting: int
    recall: float
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, value: Json) -> IndexInfo:
        names = ("method", "m", "ef_construction", "indexed", "waiting")
        given = {name: value[name] for name in names}
        return cls(**given, recall=float(value["recall"]["value"]), raw=value)


@dataclass(frozen=True)
class Addition:
    """What became of an item: `outcome` is added, unchanged, replaced or failed, and then there is
    an `error`."""

    id: str | None
    outcome: str
    error: BrightfieldError | None = None


def additions(body: Json) -> list[Addition]:
    """What became of each item of a request."""
    return [_addition(item) for item in body["items"]]


def _addition(item: Json) -> Addition:
    problem = item.get("error")
    if problem is None:
        return Addition(item["id"], str(item["outcome"]))
    return Addition(item["id"], "failed", api_error(int(problem["status"]), problem))


@dataclass(frozen=True)
class Neighbor:
    """An item at a distance."""

    id: str
    distance: float
    metadata: Json = field(compare=False)


@dataclass(frozen=True, eq=False)
class Neighbors(Sequence[Neighbor]):
    """The nearest items, the nearest first, of so many `searched`.

    Of a search that was not `exact`, `recall` is the measured share of the true neighbours that
    such searches find; `raw["recall"]` says how it was measured.
    """

    found: tuple[Neighbor, ...]
    metric: str
    exact: bool
    searched: int
    recall: float | None
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, body: Json) -> Neighbors:
        found = tuple(
            Neighbor(str(each["id"]), float(each["distance"]), each["metadata"])
            for each in body["neighbors"]
        )
        exact = bool(body["exact"])
        recall = None if exact else float(body["recall"]["value"])
        return cls(found, str(body["metric"]), exact, int(body["searched"]), recall, body)

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.found]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Neighbor]:
        return iter(self.found)

    @overload
    def __getitem__(self, index: int) -> Neighbor: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Neighbor, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.found[index]

    def to_pandas(self) -> Any:
        """A row per item: id, distance, metadata."""
        pandas = require("pandas", "to_pandas", "brightfield[notebook]")
        rows = [{"id": e.id, "distance": e.distance, **e.metadata} for e in self.found]
        return pandas.DataFrame(rows)

    def _repr_html_(self) -> str:
        rows = ((each.id, f"{each.distance:.4f}") for each in self.found)
        return html_table(("id", html.escape(self.metric)), rows)


@dataclass(frozen=True, eq=False)
class Clusters:
    """k-means: the `labels` of the `ids`, and of each cluster its size and the ids nearest its
    centre."""

    k: int
    inertia: float
    silhouette: float | None
    ids: tuple[str, ...] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)
    sizes: tuple[int, ...]
    members: tuple[tuple[str, ...], ...] = field(repr=False)
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, body: Json) -> Clusters:
        clusters = body["clusters"]
        return cls(
            int(body["k"]),
            float(body["inertia"]),
            body["silhouette"]["value"],
            tuple(body["ids"]),
            np.array(body["labels"], np.int64),
            tuple(int(each["size"]) for each in clusters),
            tuple(tuple(each["members"]) for each in clusters),
            body,
        )

    def to_pandas(self) -> Any:
        """A row per item: id, cluster."""
        pandas = require("pandas", "to_pandas", "brightfield[notebook]")
        return pandas.DataFrame({"id": self.ids, "cluster": self.labels})


@dataclass(frozen=True, eq=False)
class Projection:
    """A map: `points` (N, 2) or (N, 3) of the `ids`; `placed` are those that came later.

    `trustworthiness` is 1 where all neighbours on the map are neighbours in truth, None for few
    items.
    """

    id: str
    method: str
    ids: tuple[str, ...] = field(repr=False)
    points: npt.NDArray[np.float64] = field(repr=False)
    trustworthiness: float | None
    placed: tuple[str, ...] = field(repr=False)
    raw: Json = field(repr=False)
    _draw: Callable[[dict[str, Any]], Binary] | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, body: Json) -> Projection:
        points = body["points"]
        axes = [points[axis] for axis in "xyz" if axis in points]
        return cls(
            str(body["id"]),
            str(body["method"]),
            tuple(points["ids"]),
            np.array(axes, np.float64).T,
            body["trustworthiness"]["value"],
            tuple(body["placed"]),
            body,
        )

    def plot(self, by: str | None = None, **parameters: Any) -> Binary:
        """The map as a picture, which notebooks show and `save` writes.

        Args:
            by: a key of the metadata that points are coloured by; else thumbnails are drawn.
            parameters: format (png, svg), size, tile, thumbnails; `filter`, `ids` or `run` (its
                worst cases): items that do not pass are pale points.

        Raises `ValueError` for a map of the asynchronous client: await `collection.plot(id)`.
        """
        if self._draw is None:
            raise ValueError(f"Ask for the picture with `await collection.plot({self.id!r})`.")
        return self._draw({"by": by, **parameters})

    def to_pandas(self) -> Any:
        """A row per item: id, x, y and perhaps z."""
        pandas = require("pandas", "to_pandas", "brightfield[notebook]")
        axes = {axis: self.points[:, index] for index, axis in enumerate(self._axes)}
        return pandas.DataFrame({"id": self.ids, **axes})

    def save(self, path: str | Path) -> Path:
        """Write .json, the whole answer, or .csv, a row per item."""
        rows = [(name, *point) for name, point in zip(self.ids, self.points.tolist(), strict=True)]
        writers = {
            ".json": lambda p: write_json(p, self.raw),
            ".csv": lambda p: write_csv(p, ("id", *self._axes), rows),
        }
        return save_as(path, writers, "A map")

    @property
    def _axes(self) -> str:
        return "xyz"[: self.points.shape[1]]
