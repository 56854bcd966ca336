"""Several write to one collection at once, each to a shard of its own; what is read is in order."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.store import items as items_module
from brightfield.store import shards, tables
from brightfield.store.collections import Collections, Properties, known
from brightfield.store.database import open_database, writing
from brightfield.store.items import Items, NewItem
from brightfield.store.shards import NOTHING, SHARDS, Reach, Shard, behind, reached
from brightfield.store.turns import ALONE, TOGETHER

from .earlier import to_revision


def item(name: str, value: float = 0) -> NewItem:
    return NewItem(name, f"s:{name}", {}, np.array([value, 1], np.float32))


@pytest.fixture
def kept(engine: sa.Engine) -> Items:
    Collections(engine).make("cells", Properties(), dim=2)
    return Items(engine)


def test_numbers_are_of_one_shard_and_greater_than_all_that_was_seen() -> None:
    chance = random.Random(0)
    for _ in range(200):
        index, newest = chance.randrange(SHARDS), chance.randrange(1000)
        seen = tuple(chance.randrange(1000) for _ in range(SHARDS))
        numbers = list(islice(Shard("c", index, newest).numbers(seen), 5))
        assert {number % SHARDS for number in numbers} == {index}
        assert numbers == sorted(set(numbers)) and numbers[0] > max(newest, *seen)
        assert numbers[0] - max(newest, *seen) <= SHARDS


def test_what_is_behind_a_reach_is_found(engine: sa.Engine, kept: Items) -> None:
    """Against the definition, number by number."""
    chance = random.Random(1)
    key = Collections(engine).get("cells").key
    column = tables.collection_items.c.number
    every = chance.sample(range(1, 600), 200)
    rows = [
        {"collection": key, "number": n, "id": str(n), "source": "", "metadata": {}, "vector": b""}
        for n in every
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.collection_items), rows)

    def found(reach: Reach, now: Reach | None) -> list[int]:
        query = sa.select(column).where(behind(column, reach, now))
        with engine.connect() as connection:
            return sorted(connection.scalars(query))

    ends = reached(NOTHING, np.array(every))
    assert found(NOTHING, None) == found(NOTHING, ends) == sorted(every)
    assert found(ends, ends) == found(ends, None) == []
    for _ in range(20):
        read = np.array(chance.sample(every, chance.randrange(1, 100)))
        reach = reached(NOTHING, read)
        later = sorted(n for n in every if n > reach[n % SHARDS])
        assert found(reach, None) == found(reach, ends) == later


def test_a_writer_waits_for_no_other(postgres_url: str) -> None:
    """As many as there are shards are under way at once, and one more waits for one of them."""
    engine = open_database(postgres_url, connections=SHARDS + 2)
    Collections(engine).make("cells", Properties(), dim=2)
    items, inside, go_on = Items(engine), threading.Semaphore(0), threading.Event()
    told: list[bool] = []

    def hold() -> None:
        with writing(engine) as connection:
            there = known(connection, "cells", TOGETHER)
            shards.take(connection, there.key).note(connection)
            inside.release()
            told.append(go_on.wait(60))

    holders = [threading.Thread(target=hold) for _ in range(SHARDS - 1)]
    for holder in holders:
        holder.start()
    for _ in holders:
        assert inside.acquire(timeout=60)
    assert items.add("cells", [item("a"), item("b")]) == ["added", "added"]
    assert items.delete("cells", ["a"]) == 1
    assert Collections(engine).get("cells").size == 1
    late = threading.Thread(target=hold)
    late.start()
    assert inside.acquire(timeout=60)
    last = threading.Thread(target=lambda: items.add("cells", [item("c")]))
    last.start()
    go_on.set()
    for thread in (*holders, late, last):
        thread.join()
    collection = Collections(engine).get("cells")
    assert [each.id for each in items.after(collection.key)] == ["b", "c"]
    assert told == [True] * SHARDS  # nothing was done only since they gave up
    engine.dispose()


def test_who_must_be_alone_is_overtaken_by_nobody(postgres_url: str) -> None:
    """Writers come one after another, so that there is always one; the one alone gets its turn."""
    engine = open_database(postgres_url, connections=8)
    Collections(engine).make("cells", Properties(), dim=2)
    stop, begun = threading.Event(), threading.Semaphore(0)

    def stream() -> None:
        while not stop.is_set():
            with writing(engine) as connection:
                TOGETHER.take(connection, "x")
                begun.release()
                stop.wait(0.05)

    writers = [threading.Thread(target=stream) for _ in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(8):
        assert begun.acquire(timeout=60)
    with writing(engine) as connection:
        ALONE.take(connection, "x")
    stop.set()
    for writer in writers:
        writer.join()
    engine.dispose()


def test_items_that_came_one_after_another_are_in_that_order_whatever_the_shard(
    engine: sa.Engine, kept: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items_module, "take", by_chance(random.Random(2)))
    names = [f"i{number}" for number in range(60)]
    for name in names:
        kept.add("cells", [item(name)])
    key = Collections(engine).get("cells").key
    assert [each.id for each in kept.after(key)] == names
    numbers = kept.numbers(key)
    assert len({int(number) % SHARDS for number in numbers}) > 8
    assert kept.delete("cells", names[::3]) == 20
    collection = Collections(engine).get("cells")
    assert (collection.size, collection.changes, collection.deletions) == (40, 80, 20)
    seen, reach = list[str](), NOTHING
    for turn in range(5):
        kept.add("cells", [item(f"more{turn}-{n}") for n in range(turn)])
        with kept.moment("cells") as moment:
            seen += [each.id for each in moment.newer(reach)]
            reach = moment.collection.reach
    assert seen == [each.id for each in kept.after(key)]


def by_chance(chance: random.Random) -> Callable[[sa.Connection, str], Shard]:
    """Writers take any shard, as where others have the first ones."""

    def take(connection: sa.Connection, key: str) -> Shard:
        table = tables.collection_shards
        index = chance.randrange(SHARDS)
        own = table.c.collection == key, table.c.shard == index
        newest = connection.execute(sa.select(table.c.newest).where(*own)).scalar_one()
        return Shard(key, index, newest)

    return take


def test_collections_of_an_earlier_version_go_on(store_url: str) -> None:
    engine = open_database(store_url)
    to_revision(engine, "0010")
    with engine.begin() as connection:
        _as_before(connection)
    engine.dispose()

    again = open_database(store_url)
    collection, items = Collections(again).get("cells"), Items(again)
    assert (collection.size, collection.changes, collection.deletions) == (3, 7, 2)
    assert [each.number for each in items.after(collection.key)] == [1, 3, 5]
    assert items.add("cells", [item("new"), item("i3", 9)], replace=True) == ["added", "replaced"]
    assert items.delete("cells", ["i1"]) == 1
    assert [each.id for each in items.after(collection.key)] == ["i5", "new", "i3"]
    now = Collections(again).get("cells")
    assert (now.size, now.changes, now.deletions) == (3, 11, 4)
    with items.moment("cells") as moment:
        assert [each.id for each in moment.newer(collection.reach)] == ["new", "i3"]
    assert min(items.numbers(collection.key)[1:]) > 5
    to_revision(again, "0010")
    with again.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT size, added, deletions FROM collections")
        last = connection.exec_driver_sql("SELECT max(number) FROM collection_items").scalar_one()
    assert tuple(row) == (3, last, 4)
    again.dispose()


def _as_before(connection: sa.Connection) -> None:
    """A collection of five additions and two deletions, whose numbers count the additions."""
    connection.exec_driver_sql(
        "INSERT INTO collections (key, name, properties, dim, created, size, added, deletions) "
        "VALUES ('k', 'cells', '{}', 2, 0, 3, 5, 2)"
    )
    given = np.array([1, 1], "<f4").tobytes()
    insert = sa.text(
        "INSERT INTO collection_items (collection, number, id, source, metadata, vector) "
        "VALUES ('k', :number, :id, 's', '{}', :vector)"
    )
    for number in (1, 3, 5):
        connection.execute(insert, {"number": number, "id": f"i{number}", "vector": given})
