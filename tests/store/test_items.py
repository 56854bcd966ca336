from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.errors import (
    InvalidVectors,
    ItemDiffers,
    ModelChanged,
    UnknownCollection,
    UnknownItem,
)
from brightfield.store import tables
from brightfield.store.collections import Collections, Properties, VectorOrigin
from brightfield.store.items import Items, NewItem

# Adds batches of ten until it is killed; says so once a batch is acknowledged.
_WRITER = """
import sys
import numpy as np
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
items = Items(open_database(sys.argv[1]))
for start in range(0, 100_000, 10):
    vectors = np.arange(start, start + 10, dtype=np.float32)
    items.add("cells", [NewItem(f"i{v:.0f}", f"s{v:.0f}", {}, np.full(64, v)) for v in vectors])
    print(start + 10, flush=True)
"""


def item(name: str, *values: float, source: str = "", **metadata: Any) -> NewItem:
    vector = np.array(values or (1, 2), np.float32)
    return NewItem(name, source or f"s:{name}", metadata, vector, f"jpeg of {name}".encode())


@pytest.fixture
def kept(engine: sa.Engine) -> Items:
    Collections(engine).make("cells", Properties())
    return Items(engine)


def key(engine: sa.Engine) -> str:
    return Collections(engine).get("cells").key


def test_items_come_back_as_they_were(kept: Items, engine: sa.Engine) -> None:
    added = kept.add("cells", [item("a", 1, -2), item("b/c.png", 0.5, 3, label="RBC")])
    assert added == ["added", "added"]
    collection = Collections(engine).get("cells")
    assert (collection.size, collection.dim, collection.changes) == (2, 2, 2)
    ((numbers, vectors),) = kept.vectors(collection.key, collection.properties)
    first, second = numbers.tolist()
    assert first < second and vectors.tolist() == [[1, -2], [0.5, 3]]
    with kept.moment("cells") as moment:
        found = moment.get("b/c.png")
        assert moment.vector(found).tolist() == [0.5, 3]
    assert found.metadata == {"label": "RBC"}
    assert kept.thumbnails(collection.key, [first, second])[second] == b"jpeg of b/c.png"
    assert [each.id for each in kept.after(collection.key, first)] == ["b/c.png"]


def test_the_same_item_counts_once_and_another_under_its_id_is_told(
    kept: Items, engine: sa.Engine
) -> None:
    kept.add("cells", [item("a")])
    outcomes = kept.add("cells", [item("a"), item("b"), item("b"), item("a", label="x")])
    assert outcomes[:3] == ["unchanged", "added", "unchanged"]
    assert isinstance(outcomes[3], ItemDiffers)
    assert Collections(engine).get("cells").size == 2


def test_a_replaced_item_has_a_new_number_and_no_double(kept: Items, engine: sa.Engine) -> None:
    kept.add("cells", [item("a"), item("b")])
    former = kept.numbers(key(engine)).tolist()
    newer = [item("a", 9, 9, source="x"), item("a", 8, 8, source="y"), item("b")]
    assert kept.add("cells", newer, replace=True) == ["replaced", "replaced", "unchanged"]
    collection = Collections(engine).get("cells")
    assert (collection.size, collection.deletions) == (2, 1)
    with kept.moment("cells") as moment:
        assert moment.vector(moment.get("a")).tolist() == [8, 8]
    kept_one, fresh = kept.numbers(collection.key).tolist()
    assert kept_one == former[1] < fresh
    every = list(range(fresh + 1))
    assert sorted(kept.thumbnails(collection.key, every)) == [kept_one, fresh]


def test_deleted_items_are_gone_and_their_numbers_are_not_used_again(
    kept: Items, engine: sa.Engine
) -> None:
    kept.add("cells", [item("a"), item("b")])
    first, gone = kept.numbers(key(engine)).tolist()
    assert kept.delete("cells", ["b", "never there"]) == 1
    kept.add("cells", [item("c")])
    collection = Collections(engine).get("cells")
    assert (collection.size, collection.deletions) == (2, 1)
    there, fresh = kept.numbers(collection.key).tolist()
    assert there == first and fresh > gone
    with kept.moment("cells") as moment, pytest.raises(UnknownItem):
        moment.get("b")


def test_what_another_replaced_is_not_deleted_by_a_filter(kept: Items) -> None:
    old = [item(f"i{n}", old=True) for n in range(100)]
    new = [item(f"i{n}", 3, 4, source="n", old=False) for n in range(100)]
    kept.add("cells", old)
    started, looked = threading.Event(), threading.Event()

    def passes(metadata: Mapping[str, Any]) -> bool:
        started.set()
        looked.wait(0.2)  # as long as another writer would need
        looked.set()
        return bool(metadata["old"])

    deleted: list[int] = []
    deleter = threading.Thread(target=lambda: deleted.append(kept.delete_passing("cells", passes)))
    deleter.start()
    started.wait()
    outcomes = kept.add("cells", new, replace=True)
    deleter.join()
    assert set(outcomes) in ({"added"}, {"replaced"})
    assert deleted == [outcomes.count("added")]
    with kept.moment("cells") as moment:
        assert len(moment.numbers()) == moment.collection.size == 100


def test_vectors_come_only_into_the_collection_that_they_were_made_for(
    kept: Items, engine: sa.Engine
) -> None:
    former = key(engine)
    Collections(engine).delete("cells")
    Collections(engine).make("cells", Properties())
    with pytest.raises(UnknownCollection, match="another has its name"):
        kept.add("cells", [item("a")], origin=VectorOrigin(former))
    assert kept.numbers(key(engine)).size == 0


def test_a_collection_takes_the_digest_of_its_first_vectors_and_no_other(
    kept: Items, engine: sa.Engine
) -> None:
    kept.add("cells", [item("a")], origin=VectorOrigin(key(engine), "one"))
    assert Collections(engine).get("cells").model_digest == "one"
    with pytest.raises(ModelChanged, match="brightfield reembed cells"):
        kept.add("cells", [item("b")], origin=VectorOrigin(key(engine), "two"))
    assert kept.add("cells", [item("c")], origin=VectorOrigin(key(engine), "one")) == ["added"]
    assert Collections(engine).get("cells").size == 2


def test_a_deleted_collection_takes_everything_along(kept: Items, engine: sa.Engine) -> None:
    kept.add("cells", [item("a")])
    Collections(engine).delete("cells")
    with engine.connect() as connection:
        for table in (tables.collection_items, tables.collection_thumbnails):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0
    with pytest.raises(UnknownCollection):
        kept.add("cells", [item("a")])


def test_another_dimension_is_refused_and_nothing_of_the_batch_is_kept(
    kept: Items, engine: sa.Engine
) -> None:
    kept.add("cells", [item("a", 1, 2)])
    with pytest.raises(
        InvalidVectors, match="has 3 values and those of the collection cells have 2"
    ):
        kept.add("cells", [item("b", 1, 2), item("c", 1, 2, 3)])
    assert len(kept.numbers(key(engine))) == 1


def test_half_precision_is_kept_in_half_the_room(engine: sa.Engine) -> None:
    Collections(engine).make("cells", Properties(dtype="float16"))
    kept = Items(engine)
    kept.add("cells", [item("a", 0.1, 1000.2)])
    with engine.connect() as connection:
        stored = connection.execute(sa.select(tables.collection_items.c.vector)).scalar_one()
    assert len(stored) == 4
    with kept.moment("cells") as moment:
        np.testing.assert_allclose(moment.vector(moment.get("a")), [0.1, 1000.2], 1e-3)


def test_two_writers_neither_lose_nor_double(kept: Items, engine: sa.Engine) -> None:
    def write(name: str) -> None:
        for batch in range(20):
            shared = [item(f"shared-{batch}-{n}") for n in range(3)]
            kept.add("cells", [*shared, item(f"{name}-{batch}")])

    threads = [threading.Thread(target=write, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    collection = Collections(engine).get("cells")
    ids = [each.id for each in kept.after(collection.key)]
    assert len(ids) == len(set(ids)) == collection.size == 20 * 3 + 3 * 20
    assert (collection.changes, collection.deletions) == (collection.size, 0)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill_and_a_second_run_doubles_nothing(
    kept: Items, engine: sa.Engine, store_url: str
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, store_url], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(5)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    numbers = kept.numbers(key(engine))
    assert len(numbers) >= acknowledged and len(numbers) % 10 == 0
    again = [NewItem(f"i{v}", f"s{v}", {}, np.full(64, v, np.float32)) for v in range(60)]
    outcomes = kept.add("cells", again)
    assert outcomes[:acknowledged] == ["unchanged"] * acknowledged
    assert Collections(engine).get("cells").size == max(60, len(numbers))
