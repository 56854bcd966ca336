"""What looks wrong in a collection: duplicates, outliers, labels that disagree."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.collections.queries import CollectionQueries, ItemSelection, SelectedItems
from brightfield.embedding import neighbors
from brightfield.embedding.disagreement import disagreement
from brightfield.embedding.duplicates import duplicates
from brightfield.embedding.neighbors import Metric
from brightfield.embedding.outliers import outlier_factors
from brightfield.errors import InvalidParameter, TooFewItems, suggestions
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
        found, items, rows, distances = self._graph(name, search, progress)
        # The distance of equal vectors is 0 but for rounding.
        made = duplicates(rows, distances, max(search.threshold, 1e-12))
        groups = [
            [
                {"id": items[row].id, "distance": distance}
                for row, distance in zip(group.tolist(), near.tolist(), strict=True)
            ]
            for group, near in zip(made.groups, made.distances, strict=True)
        ]
        extra = sum(len(group) - 1 for group in groups)
        return {**_facts(name, found, rows), "threshold": search.threshold, "extra": extra,
                "groups": groups}  # fmt: skip

    def outliers(self, name: str, search: OutlierSearch, progress: Progress) -> dict[str, Any]:
        """Items by their local outlier factor, the largest first."""
        found, items, rows, distances = self._graph(name, search, progress)
        factors = outlier_factors(rows, distances)
        order = np.lexsort((np.arange(len(factors)), -factors))[: search.most]
        listed = [
            {"id": items[row].id, "score": float(factors[row]), "metadata": items[row].metadata}
            for row in order.tolist()
        ]
        return {**_facts(name, found, rows), "outliers": listed}

    def disagreements(self, name: str, check: LabelCheck, progress: Progress) -> dict[str, Any]:
        """Items by the share of neighbours that have another label, the largest first."""
        conditions = {**(check.filter or {})}
        present = conditions.setdefault(check.by, {"ne": None})
        if present != {"ne": None}:
            raise InvalidParameter(f"The filter cannot hold `{check.by}`, which is checked.")
        self._check_known(name, check)
        labelled = check.model_copy(update={"filter": conditions})
        found, items, rows, _ = self._graph(name, labelled, progress)
        labels = [item.metadata[check.by] for item in items]
        # As filters have it: 1 and 1.0 are one label, and true is another.
        places = {key: n for n, key in enumerate(dict.fromkeys(map(_label_key, labels)))}
        names = [label for _, label in places]
        numbers = np.array([places[_label_key(label)] for label in labels], np.int64)
        made = disagreement(rows, numbers)
        order = np.lexsort((np.arange(len(numbers)), -made.scores))[: check.most]
        listed = [
            {
                "id": items[row].id,
                "label": labels[row],
                "suggested": names[int(made.suggested[row])],
                "score": float(made.scores[row]),
            }
            for row in order.tolist()
            if made.scores[row] > 0
        ]
        agreement = float(np.mean(made.suggested == numbers))
        return {**_facts(name, found, rows), "by": check.by, "agreement": agreement,
                "disagreements": listed}  # fmt: skip

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

    def _graph(
        self, name: str, search: _QualityCheck, progress: Progress
    ) -> tuple[SelectedItems, list[StoredItem], NDArray[np.int64], NDArray[np.float64]]:
        found = self._queries.chosen(name, search.filter, least=2, detailed=True)
        most = len(found) - 1
        k = min(_NEIGHBORS, most) if search.k is None else search.k
        if k > most:
            raise InvalidParameter(
                f"k={k} is more than the {most} others that an item has; lower it.",
                errors=[{"location": "k", "expected": f"1 to {most}", "received": k}],
            )
        metric = search.metric or found.snapshot.collection.properties.metric
        rows, distances = neighbors.graph(found.stored(), k, metric, progress)
        return found, found.items, rows, distances


def _label_key(label: Any) -> tuple[bool, Any]:
    return isinstance(label, bool), label


def _facts(name: str, found: SelectedItems, rows: NDArray[np.int64]) -> dict[str, Any]:
    return {"collection": name, "n": len(found), "k": rows.shape[1]}
