"""Maps of collections: made, kept, extended by what comes later, and drawn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from brightfield.collections.map_plot import PALE, Legend, MapAxis, MapPlot, colored
from brightfield.collections.notes import as_json, on_copies, on_zeros
from brightfield.collections.queries import (
    Clustering,
    CollectionQueries,
    ItemSelection,
    SelectedItems,
)
from brightfield.collections.vector_cache import Snapshot
from brightfield.embedding.layout import scaled, snapped
from brightfield.embedding.neighbors import Metric
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.trustworthiness import NEIGHBORS, SAMPLE, trustworthiness
from brightfield.embedding.vectors import Points, Vectors, unit
from brightfield.errors import TooFewItems
from brightfield.images.picture import Note
from brightfield.palette import BLUE, Color
from brightfield.parameters import Ids
from brightfield.progress import STILL_WANTED, Progress, no_progress
from brightfield.store.collections import Collection
from brightfield.store.item_queries import StoredItem
from brightfield.store.metadata_filter import Filter
from brightfield.store.projections import ProjectionSummary, StoredProjection

_LARGEST_TILE, _SMALLEST_TILE = 96, 14
_ON_MAPS = "they lie together, and how they lie among themselves means nothing"
# Cells for each thumbnail, where the size of the cells is not given.
_ROOMY = 2.0


class PlotChoice(ItemSelection):
    """How a map is drawn. Items that do not pass the filter are pale points."""

    format: Literal["png", "svg"] = "png"
    """`png` or `svg`."""
    by: str | None = None
    """The metadata key that colours the points. Default: none; thumbnails are drawn."""
    clusters: Annotated[int, Field(ge=2, le=100)] | None = None
    """Colour the points by k-means with so many clusters, those of /clusters with this `k`."""
    thumbnails: bool | None = None
    """Whether to draw thumbnails. Default: yes, unless points are coloured."""
    size: Annotated[int, Field(ge=100, le=4000)] = 1000
    """Side of the map in pixels."""
    tile: Annotated[int, Field(ge=8, le=128)] | None = None
    """Side of a thumbnail's cell in pixels. Default: 14 to 96, by the number of items."""
    ids: Ids | None = None
    """Only these items count, others are pale points."""
    run: str | None = None
    """Id of an evaluation run: only the items with the ids of its worst cases count."""

    @model_validator(mode="after")
    def _one_color(self) -> Self:
        if self.by is not None and self.clusters is not None:
            raise ValueError("by and clusters both colour the points; give one")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class ProjectionView:
    """A map with the items that are there now: rows of `snapshot`, their points, and which of
    them were placed after the map was made. `unplaced` later ones have no place on it."""

    snapshot: Snapshot
    summary: ProjectionSummary
    rows: NDArray[np.int64]
    points: Points
    later: NDArray[np.bool_]
    unplaced: int = 0

    @property
    def numbers(self) -> NDArray[np.int64]:
        return self.snapshot.numbers[self.rows]


class CollectionProjections:
    """Maps of collections. Every method blocks; raises as `CollectionQueries` does."""

    def __init__(self, queries: CollectionQueries, catalog: Mapping[str, type[Projection]]) -> None:
        self._queries = queries
        self._stores = queries.stores
        self._catalog = catalog

    def make(
        self,
        name: str,
        projection: Projection,
        conditions: Mapping[str, Any] | None,
        progress: Progress,
    ) -> ProjectionView:
        """A new map of the items that pass, which is kept."""
        found = self._queries.chosen(name, conditions, detailed=True)
        collection, order = found.snapshot.collection, found.order
        metric = _metric(collection, projection)
        stored = found.vectors()[order]
        rounded = found.rounded(stored, metric)
        first = rounded.copies()
        vectors = rounded.vectors[first]
        fitted = projection.fit(vectors, progress, collection.properties.dtype)
        trust = trustworthiness(vectors, fitted.points, progress=lambda _: progress(STILL_WANTED))
        points = np.empty_like(fitted.points)
        points[order] = fitted.points
        facts = {
            "method": projection.name,
            "parameters": projection.model_dump(mode="json"),
            "filter": conditions,
            "metric": metric if projection.metric_matters else None,
            "n": len(found),
            "dim": vectors.shape[1],
            "trustworthiness": {
                "value": trust, "k": NEIGHBORS, "sampled": min(SAMPLE, len(found))
            },
            "digest": _digest(projection, vectors),
            "versions": {each: version(each) for each in ("brightfield", *projection.libraries)},
            **fitted.facts,
            "warnings": as_json(
                [on_zeros(stored, metric), on_copies(first, _ON_MAPS), *fitted.notes]
            ),
        }  # fmt: skip
        summary = self._stores.projections.save(
            collection, facts, found.numbers, points, fitted.arrays
        )
        rows = found.snapshot.rows_of(found.numbers)
        return ProjectionView(found.snapshot, summary, rows, points, np.zeros(len(rows), bool))

    def get(self, name: str, map_id: str) -> ProjectionView:
        """A map as it was made, with all that came since in its place. Nothing else moves."""
        collection = self._stores.collections.get(name)
        kept = self._stores.projections.get(collection, map_id)
        conditions = kept.summary.facts["filter"]
        found = self._queries.chosen(name, conditions, least=0, detailed=True)
        known = np.concatenate([kept.numbers, kept.placed_numbers])
        new = np.setdiff1d(found.numbers, known)
        if not len(new):
            return _view(found.snapshot, kept)
        if not self._place(found.snapshot, kept, new):
            return _view(found.snapshot, kept, len(new))
        return _view(found.snapshot, self._stores.projections.get(collection, map_id))

    def all(self, name: str) -> list[ProjectionSummary]:
        return self._stores.projections.all(self._stores.collections.get(name))

    def delete(self, name: str, map_id: str) -> None:
        self._stores.projections.delete(self._stores.collections.get(name), map_id)

    def _place(self, snapshot: Snapshot, kept: StoredProjection, new: NDArray[np.int64]) -> bool:
        """Place items among those of the map that are there still, and keep their points; False if
        too few of these are left."""
        facts = kept.summary.facts
        projection = self._catalog[facts["method"]](**facts["parameters"])
        alive = np.isin(kept.numbers, snapshot.numbers)
        if alive.sum() <= projection.dimensions:
            return False
        stored, collection = snapshot.stored, snapshot.collection
        reference = stored.rows(snapshot.rows_of(kept.numbers[alive]))
        placed = projection.place(
            Fitted(kept.points[alive], kept.arrays),
            _prepared(collection, projection, reference),
            _prepared(collection, projection, stored.rows(snapshot.rows_of(new))),
            no_progress,
        )
        self._stores.projections.place(kept.summary.id, new.tolist(), placed)
        return True

    def listed(self, view: ProjectionView) -> dict[str, Any]:
        """A map as JSON has it: facts, and the points with their ids."""
        items = self._items(view)
        places = {
            axis: [float(value) for value in view.points[:, index]]
            for index, axis in enumerate("xyz"[: view.points.shape[1]])
        }
        ids = [item.id for item in items]
        later = [item.id for item, late in zip(items, view.later, strict=True) if late]
        found = outlined(view.summary)
        warnings = [*found["warnings"], *as_json([_on_unplaced(view)])]
        return {**found, "points": {"ids": ids, **places}, "placed": later, "warnings": warnings}

    def plot(self, name: str, map_id: str, choice: PlotChoice) -> bytes:
        """A picture of the map."""
        view = self.get(name, map_id)
        items = self._items(view)
        if not items:
            raise TooFewItems(f"No item of the map {map_id} is left; make a new map.")
        bright = _passing(items, choice)
        colors, legend = _colors(bright, self._values(name, view, items, choice))
        tiles: dict[int, tuple[int, int, bytes]] = {}
        tile = 0
        shown = legend is None if choice.thumbnails is None else choice.thumbnails
        if shown:
            tiles, tile = self._tiles(view, bright, choice)
        bare = [row for row in range(len(items)) if row not in tiles]
        places, dots = scaled(view.points)[bare], [colors[row] for row in bare]
        title, axes = self._titled(view, len(items))
        plot = MapPlot(choice.size, places, dots, list(tiles.values()), tile, legend, title, axes)
        return plot.png() if choice.format == "png" else plot.svg()

    def _titled(
        self, view: ProjectionView, count: int
    ) -> tuple[str, tuple[MapAxis, MapAxis] | None]:
        """What is above a map, and what its axes are."""
        facts = view.summary.facts
        kind, trust = self._catalog[facts["method"]], facts["trustworthiness"]["value"]
        deep = view.points.shape[1] > 2
        parts = [
            f"{kind.title} of {count} items",
            kind.about(facts),
            "" if trust is None else f"trustworthiness {trust:.2f}",
            f"2 of {view.points.shape[1]} dimensions are shown" if deep else "",
        ]
        title, texts = ", ".join(part for part in parts if part), kind.axes(facts)
        if texts is None:
            return title, None
        low, high = (edge(axis=0).tolist() for edge in (view.points.min, view.points.max))
        across, up = (MapAxis(text, low[at], high[at]) for at, text in enumerate(texts))
        return title, (across, up)

    def _values(
        self, name: str, view: ProjectionView, items: Sequence[StoredItem], choice: PlotChoice
    ) -> tuple[str, list[Any]] | None:
        """What colours the points: a title and a value of each item, in the items' order."""
        if choice.clusters is not None:
            conditions = view.summary.facts["filter"]
            asked = Clustering(k=choice.clusters, filter=conditions, members=0)
            made = self._queries.clusters(name, asked, no_progress)
            found = dict(zip(made["ids"], made["labels"], strict=True))
            labels = [found.get(item.id) for item in items]
            return f"k-means, k = {choice.clusters}", [
                None if k is None else f"cluster {k}" for k in labels
            ]
        return (
            None if choice.by is None else (choice.by, [i.metadata.get(choice.by) for i in items])
        )

    def _items(self, view: ProjectionView) -> list[StoredItem]:
        return SelectedItems(view.snapshot, view.rows).items

    def _tiles(
        self, view: ProjectionView, bright: NDArray[np.bool_], choice: PlotChoice
    ) -> tuple[dict[int, tuple[int, int, bytes]], int]:
        """Thumbnails at their cells, by row, and the side of a cell."""
        numbers = view.numbers
        pictures = self._stores.items.thumbnails(
            view.snapshot.collection.key, numbers[bright].tolist()
        )
        places = [row for row in np.flatnonzero(bright).tolist() if int(numbers[row]) in pictures]
        if not places:
            return {}, 0
        tile = choice.tile or int(
            np.clip(choice.size / np.sqrt(_ROOMY * len(places)), _SMALLEST_TILE, _LARGEST_TILE)
        )
        across = max(1, choice.size // tile)
        cells = snapped(scaled(view.points), across, across, np.array(places))
        return {
            row: (column * tile, line * tile, pictures[int(numbers[row])])
            for row, (column, line) in zip(places, cells.tolist(), strict=True)
            if column >= 0
        }, tile


def outlined(summary: ProjectionSummary) -> dict[str, Any]:
    """A map without its points."""
    # Maps of earlier versions were kept without warnings.
    return {"id": summary.id, "created": summary.created, "warnings": [], **summary.facts}


def _metric(collection: Collection, projection: Projection) -> Metric:
    """The metric by which the projection looks at vectors."""
    return collection.properties.metric if projection.metric_matters else "euclidean"


def _prepared(collection: Collection, projection: Projection, vectors: Vectors) -> Vectors:
    return unit(vectors) if _metric(collection, projection) == "cosine" else vectors


def _digest(projection: Projection, vectors: Vectors) -> str:
    """Of the method, its parameters and the vectors: the same digest and versions, the same map."""
    digest = hashlib.sha256(json.dumps([projection.name, projection.model_dump()]).encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return digest.hexdigest()


def _view(snapshot: Snapshot, kept: StoredProjection, unplaced: int = 0) -> ProjectionView:
    numbers = np.concatenate([kept.numbers, kept.placed_numbers])
    points = np.concatenate([kept.points, kept.placed_points])
    later = np.arange(len(numbers)) >= len(kept.numbers)
    there = np.isin(numbers, snapshot.numbers)
    rows = snapshot.rows_of(numbers[there])
    return ProjectionView(snapshot, kept.summary, rows, points[there], later[there], unplaced)


def _on_unplaced(view: ProjectionView) -> Note | None:
    if not view.unplaced:
        return None
    return Note(
        "items_not_placed",
        f"{view.unplaced} items came later and have no place: too few of those that the map was "
        "made of are left. Make a new map.",
    )


def _passing(items: Sequence[StoredItem], choice: PlotChoice) -> NDArray[np.bool_]:
    wanted, ids = Filter.read(choice.filter), None if choice.ids is None else set(choice.ids)
    return np.array(
        [wanted(item.metadata) and (ids is None or item.id in ids) for item in items], bool
    )


def _colors(
    bright: NDArray[np.bool_], by: tuple[str, list[Any]] | None
) -> tuple[list[Color], Legend | None]:
    if by is None:
        return [BLUE if shown else PALE for shown in bright], None
    title, values = by
    shown = [value if seen else None for value, seen in zip(values, bright, strict=True)]
    return colored(shown, title)
