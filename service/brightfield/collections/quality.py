"""What looks wrong in a collection: duplicates, outliers, labels that disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.collections.notes import as_json, on_copies, on_zeros
from brightfield.collections.queries import CollectionQueries, ItemSelection
from brightfield.embedding import neighbors
from brightfield.embedding.disagreement import disagreement
from brightfield.embedding.duplicates import Duplicates, duplicates
from brightfield.embedding.neighbors import Metric, graph_with_copies
from brightfield.embedding.outliers import outlier_factors
from brightfield.embedding.vector_blocks import VectorBlocks
from brightfield.embedding.vectors import Vectors
from brightfield.errors import InvalidParameter, TooFewItems, suggestions
from brightfield.images.picture import Note
from brightfield.progress import Progress
from brightfield.store.item_queries import StoredItem

_NEIGHBORS = 10


class _QualityCheck(ItemSelection):
    k: Annotated[int, Field(ge=1, le=200)] | None = None
    """How many neighbours are examined. Default: 10, or all others if there are fewer."""
    metric: Metric | None = None
    """`cosine` or `euclidean`. Default: the collection's metric."""


class DuplicateSearch(_QualityCheck):
    """Items that lie closer together than a threshold, in groups."""

    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    """The largest distance between duplicates; 0: only equal vectors, up to rounding."""


class OutlierSearch(_QualityCheck):
    """Items whose surroundings are sparser than those of their neighbours."""

    most: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many items are listed."""


class LabelCheck(_QualityCheck):
    """Items whose label differs from those of their neighbours."""

    by: str
    """The metadata key that holds the label; items without it are skipped."""
    most: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many items are listed."""


class DataQuality:
    """Aids for the quality of data. Every method blocks; raises as `CollectionQueries` does."""

    def __init__(self, queries: CollectionQueries) -> None:
        self._queries = queries

    def duplicates(self, name: str, search: DuplicateSearch, progress: Progress) -> dict[str, Any]:
        """Groups of near duplicates, the largest first."""
        graph = self._graph(name, search, progress)
        # The distance of equal vectors is 0 but for rounding.
        threshold = max(search.threshold, 1e-12)
        made = duplicates(graph.rows, graph.distances, threshold)
        groups = [
            [
                {"id": graph.items[row].id, "distance": distance}
                for row, distance in zip(group.tolist(), near.tolist(), strict=True)
            ]
            for group, near in zip(made.groups, made.distances, strict=True)
        ]
        extra = sum(len(group) - 1 for group in groups)
        return {**graph.facts(name), "threshold": search.threshold, "extra": extra,
                "groups": groups,
                "warnings": as_json([graph.on_zeros(), _on_parts(made, graph, threshold)]),
        }  # fmt: skip

    def outliers(self, name: str, search: OutlierSearch, progress: Progress) -> dict[str, Any]:
        """Items by their local outlier factor, the largest first."""
        graph = self._graph(name, search, progress)
        # With k copies an item's density would be infinite, and so the factors of its neighbours.
        piled = graph.largest > graph.k
        factors, k = _once_each(graph) if piled else (_factors(graph), graph.k)
        order = np.lexsort((np.arange(len(factors)), -factors))[: search.most]
        listed = [
            {"id": item.id, "score": float(factors[row]), "metadata": item.metadata}
            for row, item in ((row, graph.items[row]) for row in order.tolist())
        ]
        notes = [graph.on_zeros(), on_copies(graph.first, _ONCE.format(k)) if piled else None]
        return {**graph.facts(name), "k": k, "outliers": listed, "warnings": as_json(notes)}

    def disagreements(self, name: str, check: LabelCheck, progress: Progress) -> dict[str, Any]:
        """Items by the share of neighbours that have another label, the largest first."""
        conditions = {**(check.filter or {})}
        present = conditions.setdefault(check.by, {"ne": None})
        if present != {"ne": None}:
            raise InvalidParameter(f"The filter cannot hold `{check.by}`, which is checked.")
        self._check_known(name, check)
        labelled = check.model_copy(update={"filter": conditions})
        graph = self._graph(name, labelled, progress)
        labels = [item.metadata[check.by] for item in graph.items]
        # As filters have it: 1 and 1.0 are one label, and true is another.
        places = {key: n for n, key in enumerate(dict.fromkeys(map(_label_key, labels)))}
        names = [label for _, label in places]
        numbers = np.array([places[_label_key(label)] for label in labels], np.int64)
        made = disagreement(graph.rows, numbers)
        order = np.lexsort((np.arange(len(numbers)), -made.scores))[: check.most]
        listed = [
            {
                "id": graph.items[row].id,
                "label": labels[row],
                "suggested": names[int(made.suggested[row])],
                "score": float(made.scores[row]),
            }
            for row in order.tolist()
            if made.scores[row] > 0
        ]
        agreement = float(np.mean(made.suggested == numbers))
        copied = on_copies(graph.first, _FIRST) if graph.largest > graph.k + 1 else None
        return {**graph.facts(name), "by": check.by, "agreement": agreement,
                "disagreements": listed, "warnings": as_json([graph.on_zeros(), copied]),
        }  # fmt: skip

    def _check_known(self, name: str, check: LabelCheck) -> None:
        """Raises `TooFewItems` if no item has the key."""
        found = self._queries.chosen(name, check.filter, detailed=True)
        keys = {key for item in found.items for key in item.metadata}
        if check.by not in keys:
            raise TooFewItems(
                f"No item has the metadata key {check.by!r}.{suggestions(check.by, sorted(keys))} "
                "Name another, or widen the filter.",
                errors=[{"location": "by", "received": check.by}],
            )

    def _graph(self, name: str, search: _QualityCheck, progress: Progress) -> _Graph:
        found = self._queries.chosen(name, search.filter, least=2, detailed=True)
        most = len(found) - 1
        k = min(_NEIGHBORS, most) if search.k is None else search.k
        if k > most:
            raise InvalidParameter(
                f"k={k} is more than the {most} others that an item has; lower it.",
                errors=[{"location": "k", "expected": f"1 to {most}", "received": k}],
            )
        metric = search.metric or found.snapshot.collection.properties.metric
        vectors = found.vectors()
        rounded = found.rounded(vectors, metric)
        first = rounded.copies()
        if metric == "cosine":  # vectors of 0 are at the distance 1 from one another
            first = np.where(vectors.any(axis=1), first, np.arange(len(first)))
        rows, distances = graph_with_copies(vectors, first, k, metric, progress)
        return _Graph(found.items, vectors, metric, first, rows, distances)


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """Items with the rows and distances (N, k) of each one's nearest others, and the `first` (N,)
    of each one's copies."""

    items: list[StoredItem]
    vectors: Vectors
    metric: Metric
    first: NDArray[np.int64]
    rows: NDArray[np.int64]
    distances: NDArray[np.float64]

    @property
    def k(self) -> int:
        return int(self.rows.shape[1])

    @property
    def largest(self) -> int:
        """How many items are copies of each other, at most."""
        return int(np.bincount(self.first).max())

    def facts(self, name: str) -> dict[str, Any]:
        return {"collection": name, "n": len(self.items), "k": self.k}

    def on_zeros(self) -> Note | None:
        return on_zeros(self.vectors, self.metric)


def _factors(graph: _Graph) -> NDArray[np.float64]:
    return outlier_factors(graph.rows, graph.distances)


def _once_each(graph: _Graph) -> tuple[NDArray[np.float64], int]:
    """The factors where each group of copies counts as one item, and the neighbours looked at."""
    distinct, inverse = np.unique(graph.first, return_inverse=True)
    k = min(graph.k, len(distinct) - 1)
    if k == 0:
        return np.ones(len(inverse)), 0
    near = neighbors.graph(VectorBlocks.of(graph.vectors[distinct]), k, graph.metric)
    return outlier_factors(*near)[inverse], k


def _on_parts(made: Duplicates, graph: _Graph, threshold: float) -> Note | None:
    """Whether groups may be parts of larger ones: rows whose k neighbours are all duplicates may
    have more of them, and two groups with such rows may be one."""
    full = graph.distances[:, -1] <= threshold
    parts = sum(bool(full[group].any()) for group in made.groups)
    if parts < 2 or graph.k >= len(graph.items) - 1:
        return None
    return Note("groups_may_be_parts", _PARTS.format(int(full.sum()), graph.k))


def _label_key(label: Any) -> tuple[bool, Any]:
    return isinstance(label, bool), label


_ONCE = (
    "that is more than the neighbours that are looked at, so each group counts as one item here, "
    "with k = {}; see POST .../duplicates"
)
_FIRST = (
    "items that have more than k copies are compared with the first k of them alone; raise k, or "
    "leave duplicates out"
)
_PARTS = (
    "{0} items have {1} duplicates or more, and {1} neighbours of each were looked at: some of "
    "these groups may be parts of a larger one. Raise `k`."
)
