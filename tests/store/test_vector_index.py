"""Indexes in PostgreSQL: what they hold, through additions, deletions, kills and rebuilding."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from brightfield.errors import Cancelled, IndexBusy, IndexUnavailable, UnknownIndex
from brightfield.progress import Step, no_progress
from brightfield.store import extension
from brightfield.store.collections import Collection, Collections, Properties
from brightfield.store.database import open_database, writing
from brightfield.store.items import Items, NewItem
from brightfield.store.shards import SHARDS, Reach
from brightfield.store.vector_index import (
    Ask,
    Hnsw,
    IndexSource,
    Recalls,
    VectorIndex,
    VectorIndexes,
)

HNSW = Hnsw(8, 32)

# Builds an index and stays in the middle, where its recall is measured, until it is killed.
_BUILDER = """
import sys, time
from brightfield.store.collections import Collections
from brightfield.store.database import open_database
from brightfield.store.items import Items
from brightfield.store.vector_index import Hnsw, IndexSource, VectorIndexes
engine = open_database(sys.argv[1])
items, there = Items(engine), Collections(engine).get("cells")
def stay(ask):
    print("built with PyTorch" if "torch" in sys.modules else "built", flush=True)
    time.sleep(60)
read = lambda after: items.vectors(there.key, there.properties, after)
VectorIndexes(engine).build(there, Hnsw(8, 32), IndexSource(read, stay), lambda step: None)
"""


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_database(postgres_url)
    Collections(engine).make("cells", Properties(metric="euclidean"))
    yield engine
    engine.dispose()


def add(engine: sa.Engine, *values: int, replace: bool = False) -> None:
    """Items at places on a line, named by them."""
    items = [
        NewItem(f"i{v % 1000}", str(v), {}, np.array([v % 1000 + (v > 999) / 4, 1], np.float32))
        for v in values
    ]
    Items(engine).add("cells", items, replace=replace)


def parts(engine: sa.Engine, after: Reach) -> Generator[Any, None, None]:
    there = Collections(engine).get("cells")
    with closing(Items(engine).vectors(there.key, there.properties, after, rows=3)) as read:
        yield from read


def nothing(_: Ask) -> Recalls:
    return [{"value": 1.0}]


def build(engine: sa.Engine, **change: Any) -> VectorIndex:
    there = Collections(engine).get("cells")
    source = IndexSource(partial(parts, engine), change.get("measure", nothing))
    return VectorIndexes(engine).build(there, HNSW, source, change.get("progress", no_progress))


def near(engine: sa.Engine, value: float, count: int = 3) -> list[int]:
    """The items nearest a place, after catching up: which of those that were ever added, from 1."""
    there, indexes = Collections(engine).get("cells"), VectorIndexes(engine)
    indexes.catch_up(there, partial(parts, engine), no_progress)
    with indexes.asking(there) as ask:
        (found,) = ask(np.array([[value, 1]], np.float32), count, 40)
    places: list[int] = (found // SHARDS).tolist()  # of a writer that is alone
    return places


def made_tables(engine: sa.Engine) -> list[str]:
    return [name for name in sa.inspect(engine).get_table_names() if name.startswith("hnsw_")]


def test_an_index_follows_additions_deletions_and_replacements(engine: sa.Engine) -> None:
    add(engine, *range(20))
    made = build(engine)
    assert made.reach == Collections(engine).get("cells").reach
    assert made.facts["type"] == "vector"
    assert sorted(near(engine, 10)) == [10, 11, 12]
    add(engine, *range(20, 40))
    there = Collections(engine).get("cells")
    assert VectorIndexes(engine).waiting(there, VectorIndexes(engine).get(there)) == 20
    assert near(engine, 31.9, 1) == [33]
    Items(engine).delete("cells", ["i9", "i39"])
    add(engine, 1010, replace=True)  # a little further on, under the number 41
    assert sorted(near(engine, 9.9, 3)) == [9, 12, 41]
    assert sorted(near(engine, 0, 100)) == (Items(engine).numbers(there.key) // SHARDS).tolist()


def test_an_item_that_comes_while_nothing_else_is_left_is_put_in(engine: sa.Engine) -> None:
    add(engine, *range(20))
    build(engine)
    add(engine, 20)
    Items(engine).delete("cells", ["i20"])
    there, came = Collections(engine).get("cells"), []

    def read(after: Reach) -> Generator[Any, None, None]:
        yield from parts(engine, after)
        if not came:  # behind all that was there to be read
            came.append(add(engine, 21))

    VectorIndexes(engine).catch_up(there, read, no_progress)
    assert near(engine, 21, 1) == [22]


def test_an_index_is_there_after_opening_the_store_again(
    engine: sa.Engine, postgres_url: str
) -> None:
    add(engine, *range(20))
    made = build(engine)
    again = open_database(postgres_url)
    assert VectorIndexes(again).get(Collections(again).get("cells")) == made
    assert near(again, 5, 1) == [6]
    again.dispose()


def test_what_is_deleted_during_a_build_is_not_in_the_index(engine: sa.Engine) -> None:
    add(engine, *range(20))

    def meanwhile(_: Ask) -> Recalls:
        Items(engine).delete("cells", ["i3"])
        add(engine, 20)
        return [{"value": 1.0}]

    build(engine, measure=meanwhile)
    assert sorted(near(engine, 3, 100)) == [n for n in range(1, 22) if n != 4]


def test_a_killed_build_leaves_the_former_index_and_can_be_repeated(
    engine: sa.Engine, postgres_url: str
) -> None:
    add(engine, *range(20))
    former = build(engine)
    there = Collections(engine).get("cells")
    builder = subprocess.Popen(
        [sys.executable, "-c", _BUILDER, postgres_url], stdout=subprocess.PIPE, text=True
    )
    assert builder.stdout is not None and builder.stdout.readline() == "built\n"
    with pytest.raises(IndexBusy):
        build(engine)
    assert near(engine, 5, 1) == [6], "the former index serves while another is built"
    os.kill(builder.pid, signal.SIGKILL)
    builder.communicate()
    assert VectorIndexes(engine).get(there) == former
    assert made_tables(engine) == [f"hnsw_{there.key}"]
    for _ in range(100):  # until the server has seen that nobody is there
        try:
            later = build(engine)
            break
        except IndexBusy:
            time.sleep(0.1)
    assert later.created > former.created and near(engine, 5, 1) == [6]


def test_a_build_that_nobody_waits_for_ends_and_leaves_nothing(engine: sa.Engine) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4000, 64)).astype(np.float32)
    Collections(engine).make("large", Properties(metric="euclidean"))
    Items(engine).add("large", [NewItem(str(n), "s", {}, v) for n, v in enumerate(vectors)])
    there = Collections(engine).get("large")
    told: list[int] = []

    def leave(step: Step) -> None:
        told.append(step.done)
        if step.done >= 4000 and len(told) > 5:
            raise Cancelled("Nobody waits.")

    read = partial(Items(engine).vectors, there.key, there.properties)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        VectorIndexes(engine).build(there, Hnsw(100, 1000), IndexSource(read, nothing), leave)
    assert time.monotonic() - began < 10 and told == sorted(told)
    assert made_tables(engine) == []
    with pytest.raises(UnknownIndex, match="PUT /collections/large/index"):
        VectorIndexes(engine).get(there)


def test_a_build_that_ends_while_it_reads_keeps_no_transaction_open(engine: sa.Engine) -> None:
    add(engine, *range(20))

    def leave(step: Step) -> None:
        raise Cancelled("Nobody waits.")

    with pytest.raises(Cancelled) as caught:
        build(engine, progress=leave)
    assert caught.value.__traceback__ is not None
    assert isinstance(engine.pool, sa.QueuePool) and engine.pool.checkedout() == 0


def test_processes_that_catch_up_together_neither_collide_nor_lose(
    engine: sa.Engine, postgres_url: str
) -> None:
    add(engine, 0, 1)
    build(engine)
    others = [open_database(postgres_url) for _ in range(3)]
    faults: list[Exception] = []

    def ask(other: sa.Engine, own: int) -> None:
        try:
            for value in range(2 + own, 92, 3):
                add(other, value)
                near(other, value)
        except Exception as fault:
            faults.append(fault)

    threads = [
        threading.Thread(target=ask, args=pair) for pair in zip(others, range(3), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.dispose()
    assert faults == []
    there = Collections(engine).get("cells")
    near(engine, 0)
    with VectorIndexes(engine).asking(there) as ask:
        (found,) = ask(np.array([[0, 1]], np.float32), 200, 200)
    assert sorted(found.tolist()) == Items(engine).numbers(there.key).tolist()
    assert len(found) == there.size == 92


def test_a_deleted_index_or_collection_takes_its_table_along(engine: sa.Engine) -> None:
    add(engine, *range(5))
    build(engine)
    there = Collections(engine).get("cells")
    VectorIndexes(engine).drop(there)
    assert made_tables(engine) == []
    with pytest.raises(UnknownIndex):
        VectorIndexes(engine).drop(there)
    build(engine)
    Collections(engine).delete("cells")
    assert made_tables(engine) == []


def test_a_table_that_was_tampered_with_stops_no_deletion_and_is_built_anew(
    engine: sa.Engine,
) -> None:
    add(engine, *range(5))
    build(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql(f"DROP TABLE {made_tables(engine)[0]}")
    assert Items(engine).delete("cells", ["i0"]) == 1
    with pytest.raises(UnknownIndex, match="build it anew"):
        near(engine, 1)
    build(engine)
    assert near(engine, 1, 1) == [2]


def test_an_extension_in_another_schema_is_found(engine: sa.Engine, postgres_url: str) -> None:
    schema = f"ext_{uuid.uuid4().hex}"
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP EXTENSION IF EXISTS vector CASCADE")
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
        connection.exec_driver_sql(f'CREATE EXTENSION vector SCHEMA "{schema}"')
    add(engine, *range(5))
    build(engine)
    assert near(engine, 1, 1) == [2]
    with writing(engine) as connection:
        connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')


def test_long_vectors_are_kept_in_half_precision_up_to_a_bound(engine: sa.Engine) -> None:
    def of(dim: int) -> tuple[Collection, NDArray[np.float32]]:
        name = f"long{dim}"
        Collections(engine).make(name, Properties(metric="euclidean"))
        vectors = np.random.default_rng(dim).normal(size=(30, dim)).astype(np.float32)
        Items(engine).add(name, [NewItem(str(n), "s", {}, v) for n, v in enumerate(vectors)])
        return Collections(engine).get(name), vectors

    for dim, kind in ((2000, "vector"), (4000, "halfvec")):
        there, vectors = of(dim)
        read = partial(Items(engine).vectors, there.key, there.properties)
        made = VectorIndexes(engine).build(there, HNSW, IndexSource(read, nothing), no_progress)
        assert made.facts["type"] == kind
        with VectorIndexes(engine).asking(there) as ask:
            assert [each[0] // SHARDS for each in ask(vectors, 1, 40)] == list(range(1, 31))
    there, _ = of(4001)
    read = partial(Items(engine).vectors, there.key, there.properties)
    with pytest.raises(IndexUnavailable, match="4001 values, and pgvector indexes 4000"):
        VectorIndexes(engine).build(there, HNSW, IndexSource(read, nothing), no_progress)


def test_a_server_without_pgvector_or_without_the_right_to_it_says_what_to_do(
    engine: sa.Engine, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, bare = f"lab_{uuid.uuid4().hex}", f"bare_{uuid.uuid4().hex}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        connection.exec_driver_sql(f"CREATE DATABASE {bare} OWNER {role}")
    address = sa.make_url(postgres_url).set(database=bare).difference_update_query(["options"])
    lab = sa.create_engine(address, connect_args={"options": f"-crole={role}"})
    with pytest.raises(IndexUnavailable, match="CREATE EXTENSION vector"):
        extension.provide(lab)
    monkeypatch.setattr(extension, "_NAME", "vector_that_is_not_there")
    with pytest.raises(IndexUnavailable, match="install it there"):
        extension.provide(lab)
    lab.dispose()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"DROP DATABASE {bare}")
        connection.exec_driver_sql(f"DROP ROLE {role}")


def test_an_old_pgvector_is_refused(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "_version", lambda _: "0.7.4")
    with pytest.raises(IndexUnavailable, match=r"0\.7\.4, and an index needs 0\.8"):
        build(engine)


def test_sqlite_says_that_its_search_is_exact(tmp_path: Any) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    Collections(engine).make("cells", Properties())
    add(engine, 1, 2)
    there = Collections(engine).get("cells")
    for ask in (VectorIndexes(engine).get, VectorIndexes(engine).drop):
        with pytest.raises(IndexUnavailable, match="every search is exact"):
            ask(there)
    with pytest.raises(IndexUnavailable, match="BRIGHTFIELD_DATABASE_URL"):
        build(engine)
    engine.dispose()
