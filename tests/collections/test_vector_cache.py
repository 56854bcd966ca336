from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.collections.vector_cache import CachedVectors, Snapshot, VectorCache
from brightfield.embedding import vector_blocks
from brightfield.errors import StoreUnavailable
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    Collections(engine).make("cells", Properties())
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_blocks, "BLOCK_BYTES", 4 * 2 * 8)


def add(database: sa.Engine, *values: int) -> None:
    items = [NewItem(f"i{v}", str(v), {"v": v}, np.array([v, 1], np.float32)) for v in values]
    Items(database).add("cells", items)


def held(snapshot: Snapshot) -> list[float]:
    return [float(x) for x in snapshot.stored.rows(np.arange(len(snapshot)))[:, 0]]


def test_a_space_follows_additions_and_deletions_of_others(database: sa.Engine) -> None:
    collections, space = Collections(database), CachedVectors(Items(database))
    assert len(space.at(collections.get("cells"))) == 0
    add(database, *range(20))
    first = space.at(collections.get("cells"))
    assert held(first) == list(range(20))
    Items(database).delete("cells", ["i3", "i19"])
    add(database, 30, 31)
    second = space.at(collections.get("cells"))
    assert held(second) == [n for n in range(19) if n != 3] + [30, 31]
    assert held(first) == list(range(20)), "a search that is under way sees what it began with"
    assert [item.id for item in space.details(second)][-1] == "i31"
    assert second.rows_of(np.array([1, 4, 999])).tolist() == [0]


def test_an_unchanged_collection_is_not_read_again(database: sa.Engine) -> None:
    add(database, 1, 2)
    collections, space = Collections(database), CachedVectors(Items(database))
    assert space.at(collections.get("cells")) is space.at(collections.get("cells"))


def test_the_longest_unused_space_goes_first(database: sa.Engine) -> None:
    collections = Collections(database)
    collections.make("others", Properties())
    add(database, 1, 2)
    spaces = VectorCache(Items(database), max_bytes=0)
    first = spaces.at(collections.get("cells"))
    spaces.at(collections.get("others"))
    assert spaces.at(collections.get("cells")) is not first


def test_items_that_vanish_before_they_are_read_are_told(database: sa.Engine) -> None:
    add(database, 1, 2)
    spaces = VectorCache(Items(database), max_bytes=2**20)
    snapshot = spaces.at(Collections(database).get("cells"))
    Items(database).delete("cells", ["i1"])
    with pytest.raises(StoreUnavailable, match="ask again"):
        spaces.details(snapshot)
