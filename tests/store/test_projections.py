from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.errors import UnknownCollection, UnknownProjection
from brightfield.store.collections import Collection, Collections, Properties
from brightfield.store.projections import Projections, ProjectionSummary


@pytest.fixture
def collection(engine: sa.Engine) -> Collection:
    Collections(engine).make("cells", Properties())
    return Collections(engine).get("cells")


def saved(kept: Projections, collection: Collection) -> ProjectionSummary:
    points = np.array([[0, 1], [2, 3.5]], np.float32)
    arrays = {"mean": np.arange(3.0)}
    return kept.save(collection, {"method": "pca"}, np.array([4, 7]), points, arrays)


def test_a_map_comes_back_as_it_was(engine: sa.Engine, collection: Collection) -> None:
    kept = Projections(engine)
    summary = saved(kept, collection)
    found = kept.get(collection, summary.id)
    assert found.summary == summary == kept.all(collection)[0]
    assert found.numbers.tolist() == [4, 7] and found.points.tolist() == [[0, 1], [2, 3.5]]
    assert found.arrays["mean"].tolist() == [0, 1, 2]
    assert found.placed_points.shape == (0, 2)


def test_what_was_placed_once_stays(engine: sa.Engine, collection: Collection) -> None:
    kept = Projections(engine)
    summary = saved(kept, collection)
    kept.place(summary.id, [9, 8], np.array([[1, 1], [2, 2]], np.float32))
    kept.place(summary.id, [8, 10], np.array([[5, 5], [3, 3]], np.float32))
    found = kept.get(collection, summary.id)
    assert found.placed_numbers.tolist() == [8, 9, 10]
    assert found.placed_points.tolist() == [[2, 2], [1, 1], [3, 3]]


def test_a_map_of_a_collection_that_is_gone_is_not_kept(
    engine: sa.Engine, collection: Collection
) -> None:
    Collections(engine).delete("cells")
    with pytest.raises(UnknownCollection):
        saved(Projections(engine), collection)
    Collections(engine).make("cells", Properties())  # the same name isn't the same collection
    with pytest.raises(UnknownCollection):
        saved(Projections(engine), collection)


def test_a_deleted_map_is_unknown(engine: sa.Engine, collection: Collection) -> None:
    kept = Projections(engine)
    summary = saved(kept, collection)
    kept.delete(collection, summary.id)
    for ask in (kept.get, kept.delete):
        with pytest.raises(UnknownProjection):
            ask(collection, summary.id)
    kept.place(summary.id, [9], np.zeros((1, 2), np.float32))
    assert kept.all(collection) == []
