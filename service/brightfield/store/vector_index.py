"""Approximate indexes of collections: pgvector's HNSW, only in PostgreSQL.

A build is one transaction, from the table to the measured recall: a process that is killed leaves
nothing of it, a search never sees a half of it, and the former index serves until the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import IndexBusy, IndexUnavailable, UnknownIndex
from brightfield.progress import STILL_WANTED, Progress, Step
from brightfield.store import extension, tables
from brightfield.store.collections import Collection, held
from brightfield.store.database import reading, writing
from brightfield.store.hnsw_table import (
    MOST_VALUES,
    HnswTable,
    Part,
    drop,
    know_types,
    search_by_index,
)
from brightfield.store.index_progress import watched
from brightfield.store.shards import NOTHING, Reach, behind, further, reached

VectorParts = Callable[[Reach], Generator[Part, None, None]]
"""Reads the items that came since as the index holds them, a part at a time."""

Recalls = list[dict[str, Any]]
"""Of each setting of a search that was measured, what came out, with what it was measured on."""

Ask = Callable[[NDArray[np.float32], int, int], list[NDArray[np.int64]]]
"""Of queries (Q, D), numbers of candidates for each: how many are wanted, and `ef_search`."""


_CLIENT_CHECK_MS = 2000
_ONE_BUILD = threading.Lock()
_EVERY = 0.25  # seconds between two looks at whether it is still wanted


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An index as it stands: `facts` are its parameters and versions, `reach` says which items were
    put into it."""

    method: str
    created: float
    facts: Mapping[str, Any]
    reach: Reach
    recalls: Recalls


@dataclass(frozen=True, slots=True)
class Hnsw:
    """Parameters of a build: links per vector, and candidates examined for each link."""

    m: int
    ef_construction: int


@dataclass(frozen=True, slots=True)
class IndexSource:
    """How a build reads the items, and how it measures the recall of the index."""

    parts: VectorParts
    measure: Callable[[Ask], Recalls]


class VectorIndexes:
    """The indexes in a store; every method may be called from any thread.

    Raises `IndexUnavailable` if the store can have none, and `UnknownIndex` where the collection
    has none.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def build(
        self, collection: Collection, hnsw: Hnsw, source: IndexSource, progress: Progress
    ) -> VectorIndex:
        """Build the index of all items that are there, which takes the place of a former one. In a
        process one is built at a time.

        `step` hears of items that were put in and then of those that were linked, of twice as many.
        Raises `IndexBusy` if another build of this collection is under way, in any process.
        """
        found = table_of(collection)
        facts = {
            "m": hnsw.m,
            "ef_construction": hnsw.ef_construction,
            "type": found.kind,
            "versions": self._versions(extension.provide(self._engine)),
        }
        fresh = replace(found, name=f"{found.name}_next")
        with reading(self._engine) as connection:
            _claim(connection, collection)  # who is refused needn't wait for that
        with _in_line(progress), writing(self._engine) as connection:
            know_types(connection)
            _claim(connection, collection)
            fresh.create(connection)
            with closing(source.parts(NOTHING)) as parts:
                filled = _Counted(parts, collection.size, progress)
                fresh.copy(connection, filled)
            self._link(connection, fresh, hnsw, collection.size, progress)
            recalls = source.measure(_asking(connection, fresh))
            held(connection, collection)
            fresh.purge(connection, collection.key, 0)
            fresh.rename(connection, found.name)
            made = VectorIndex("hnsw", self._clock(), facts, filled.reach, recalls)
            _write(connection, collection, made)
        return made

    def get(self, collection: Collection) -> VectorIndex:
        extension.check_database(self._engine)
        with reading(self._engine) as connection:
            return _read(connection, collection)

    def waiting(self, collection: Collection, index: VectorIndex) -> int:
        """How many items came since those that were put into the index."""
        c = tables.collection_items.c
        since = behind(c.number, index.reach)
        query = sa.select(sa.func.count()).where(c.collection == collection.key, since)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def drop(self, collection: Collection) -> None:
        extension.check_database(self._engine)
        c = tables.collection_indexes.c
        with writing(self._engine) as connection:
            held(connection, collection)
            _read(connection, collection)
            drop(connection, collection.key)
            connection.execute(
                sa.delete(tables.collection_indexes).where(c.collection == collection.key)
            )

    def catch_up(
        self, collection: Collection, parts: VectorParts, progress: Progress
    ) -> VectorIndex:
        """Put in what came since, a part at a time, each for good."""
        index = self.get(collection)
        while further(index.reach, collection.reach) != index.reach:
            with closing(parts(index.reach)) as later:
                part = next(later, None)
            index = self._extend(collection, index.reach, part)
            progress(STILL_WANTED)
        return index

    def remember(self, collection: Collection, recalls: Recalls) -> VectorIndex:
        """Store a recall that was measured again."""
        with writing(self._engine) as connection:
            held(connection, collection)
            index = replace(_read(connection, collection), recalls=recalls)
            _write(connection, collection, index)
        return index

    @contextmanager
    def asking(self, collection: Collection) -> Iterator[Ask]:
        """A way to ask the index. Raises `UnknownIndex` if its table was tampered with."""
        try:
            with reading(self._engine) as connection:
                know_types(connection)
                yield _asking(connection, table_of(collection))
        except exc.ProgrammingError as error:
            raise UnknownIndex(
                f"The index of the collection {collection.name} is not as it was built; build it "
                f"anew with PUT /collections/{collection.name}/index."
            ) from error

    def _link(
        self, connection: Connection, table: HnswTable, hnsw: Hnsw, size: int, progress: Progress
    ) -> None:
        # Else the server would build on for minutes after this process was killed. Not every
        # server can look.
        with suppress(exc.DBAPIError), connection.begin_nested():
            connection.exec_driver_sql(
                f"SET LOCAL client_connection_check_interval = {_CLIENT_CHECK_MS}"
            )

        def tell(share: float) -> None:
            progress(Step(size + int(share * size), 3 * size))

        with watched(self._engine, connection, tell):
            table.index(connection, hnsw.m, hnsw.ef_construction)

    def _extend(self, collection: Collection, after: Reach, part: Part | None) -> VectorIndex:
        """Put in the next items that came since `after`; None: none is left.

        If another process was faster, or built the index again, nothing is done.
        """
        with writing(self._engine) as connection:
            held(connection, collection)
            index = _read(connection, collection)
            if index.reach != after:
                return index
            if part is None:
                # Not what is there by now: none of that was looked for.
                index = replace(index, reach=further(after, collection.reach))
            else:
                know_types(connection)
                table = table_of(collection)
                table.copy(connection, [part])
                table.purge(connection, collection.key, int(part[0][0]) - 1)
                index = replace(index, reach=reached(after, part[0]))
            _write(connection, collection, index)
        return index

    def _versions(self, pgvector: str) -> dict[str, str]:
        with reading(self._engine) as connection:
            server = connection.exec_driver_sql("SHOW server_version").scalar_one()
        return {
            "brightfield": version("brightfield"),
            "pgvector": pgvector,
            "postgresql": str(server).partition(" ")[0],
        }


def table_of(collection: Collection) -> HnswTable:
    """Where the vectors of a collection are indexed. Raises `IndexUnavailable` for vectors that are
    too long."""
    dim, most = collection.dim or 0, max(MOST_VALUES.values())
    if dim > most:
        raise IndexUnavailable(
            f"The vectors of the collection {collection.name} have {dim} values, and pgvector "
            f"indexes {most} at most; search exactly."
        )
    return HnswTable.of(collection.key, dim, collection.properties.metric)


class _Counted:
    """Parts on their way into an index; `reach` says which have come by."""

    def __init__(self, parts: Iterable[Part], size: int, progress: Progress) -> None:
        self._parts = parts
        self._size = size
        self._progress = progress
        self.reach = NOTHING

    def __iter__(self) -> Iterator[Part]:
        done = 0
        for numbers, vectors in self._parts:
            yield numbers, vectors
            self.reach = reached(self.reach, numbers)
            done += len(numbers)
            self._progress(Step(min(done, self._size), 3 * self._size))


def _asking(connection: Connection, table: HnswTable) -> Ask:
    def ask(queries: NDArray[np.float32], count: int, ef_search: int) -> list[NDArray[np.int64]]:
        search_by_index(connection, ef_search)
        zeros = np.empty(0, np.int64)
        if table.metric == "cosine":
            zeros = table.without_direction(connection, count)
        return [np.append(table.nearest(connection, query, count), zeros) for query in queries]

    return ask


@contextmanager
def _in_line(progress: Progress) -> Iterator[None]:
    """A build holds one connection for long, and reads by another: several at once would leave none
    to those who ask meanwhile."""
    while not _ONE_BUILD.acquire(timeout=_EVERY):
        progress(STILL_WANTED)
    try:
        yield
    finally:
        _ONE_BUILD.release()


def _claim(connection: Connection, collection: Collection) -> None:
    """One build of a collection at a time; the claim ends with the transaction, or the process."""
    claim = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
    if not connection.execute(claim, {"key": collection.key}).scalar_one():
        raise IndexBusy(
            f"An index of the collection {collection.name} is being built; wait for that one, or "
            "cancel its job."
        )


def _read(connection: Connection, collection: Collection) -> VectorIndex:
    c = tables.collection_indexes.c
    query = sa.select(c.method, c.created, c.facts, c.reach, c.recalls)
    row = connection.execute(query.where(c.collection == collection.key)).one_or_none()
    if row is None:
        raise UnknownIndex(
            f"The collection {collection.name} has no index; build one with "
            f"PUT /collections/{collection.name}/index, or search exactly."
        )
    return VectorIndex(**{**row._mapping, "reach": tuple(row.reach)})


def _write(connection: Connection, collection: Collection, index: VectorIndex) -> None:
    """Alone."""
    table = tables.collection_indexes
    connection.execute(sa.delete(table).where(table.c.collection == collection.key))
    connection.execute(
        sa.insert(table).values(
            collection=collection.key,
            method=index.method,
            created=index.created,
            facts=dict(index.facts),
            reach=list(index.reach),
            recalls=index.recalls,
        )
    )
