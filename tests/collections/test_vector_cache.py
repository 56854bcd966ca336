from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.collections.vector_cache import CachedVectors, Snapshot, VectorCache
from brightfield.embedding import vector_blocks
from brightfield.errors import UnknownCollection
from brightfield.store import items as items_module
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
from brightfield.store.shards import NOTHING, Reach, Shard


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
    second = space.at(collections.get("cells"), detailed=True)
    assert held(second) == [n for n in range(19) if n != 3] + [30, 31]
    assert held(first) == list(range(20)), "a search that is under way sees what it began with"
    assert second.items is not None and len(second.items) == len(second)
    assert [item.id for item in second.items][-1] == "i31"
    asked = np.array([first.numbers[0], first.numbers[3], 10**6])
    assert second.rows_of(asked).tolist() == [0]


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


def test_ids_and_metadata_are_those_of_the_moment(database: sa.Engine) -> None:
    add(database, 1, 2)
    spaces = VectorCache(Items(database), max_bytes=2**20)
    collection = Collections(database).get("cells")
    first = spaces.at(collection, detailed=True)
    Items(database).delete("cells", ["i1"])
    replaced = NewItem("i2", "new", {"v": 9}, np.array([9, 1], np.float32))
    Items(database).add("cells", [replaced], replace=True)
    second = spaces.at(collection, detailed=True)
    assert first.items is not None and second.items is not None
    assert [(item.id, item.metadata["v"]) for item in first.items] == [("i1", 1), ("i2", 2)]
    assert [(item.id, item.metadata["v"]) for item in second.items] == [("i2", 9)]
    assert held(second) == [9] and second.collection.size == 1


def test_another_collection_of_the_name_is_never_taken_for_the_first(database: sa.Engine) -> None:
    collections, spaces = Collections(database), VectorCache(Items(database), max_bytes=2**20)
    former = collections.get("cells")
    collections.delete("cells")
    collections.make("cells", Properties())
    with pytest.raises(UnknownCollection, match="another has its name"):
        spaces.at(former)


def test_items_that_come_out_of_order_are_put_in_order(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers at once take numbers of several shards, and the lower may be committed later."""
    chance, items = random.Random(0), Items(database)
    monkeypatch.setattr(items_module, "take", lambda _, key: _OwnPace(key, chance))
    collections, space = Collections(database), CachedVectors(items)
    there: list[int] = []
    for turn in range(60):
        values = [turn * 10 + n for n in range(chance.randrange(1, 7))]
        add(database, *values)
        there += values
        if turn % 7 == 3:
            gone = chance.sample(there, 5)
            items.delete("cells", [f"i{value}" for value in gone])
            there = [value for value in there if value not in gone]
        found = space.at(collections.get("cells"), detailed=turn % 3 == 0)
        anew = CachedVectors(items).at(collections.get("cells"), detailed=True)
        assert found.numbers.tolist() == sorted(anew.numbers.tolist()) == anew.numbers.tolist()
        assert held(found) == held(anew) and sorted(held(found)) == sorted(there)
        assert found.items in (None, anew.items)
        assert anew.items is not None
        assert [item.metadata["v"] for item in anew.items] == held(anew)


class _OwnPace(Shard):
    """A shard whose writer knows nothing of the others'."""

    _newest: ClassVar[dict[int, int]] = {}

    def __init__(self, key: str, chance: random.Random) -> None:
        index = chance.randrange(4)
        super().__init__(key, index, self._newest.get(index, 0))

    def numbers(self, seen: Reach) -> Iterator[int]:
        return super().numbers(NOTHING)

    def note(
        self, connection: sa.Connection, *, added: int = 0, gone: int = 0, newest: int = 0
    ) -> None:
        self._newest[self.index] = max(newest, self.newest)
        super().note(connection, added=added, gone=gone, newest=newest)
