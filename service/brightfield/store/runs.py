"""Evaluation runs: predictions that come in chunks, from several writers, across restarts.

A chunk has a key. The same key with the same content is accepted again and counts once, so a writer
that does not know whether a chunk arrived posts it again. What was acknowledged is on disk.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import (
    ChunkConflict,
    RepeatedId,
    RunConflict,
    TooManyBytes,
    UnknownChunk,
    UnknownRun,
)
from brightfield.store import tables
from brightfield.store.database import reading, writing
from brightfield.store.ownership import project_of
from brightfield.store.turns import ALONE, Turn, in_turn

RunAgreement = Mapping[str, Any]
"""JSON: what all chunks of a run agree on."""

CompleteOptions = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""From a task and the options that were stored to those that this version would store."""

AgreementMerge = Callable[[RunAgreement | None, RunAgreement], RunAgreement]
"""From the frame of a run (None without chunks) and of a chunk to that of both; may refuse."""

IdsOfChunk = Callable[[str, bytes], Sequence[str]]
"""From a chunk's media type and payload to the ids that no other chunk of the run may have."""

_MAX_PAYLOAD = 900_000_000  # both databases end near 10^9 bytes a value
_BATCH = 500  # ids asked for at once
_TOUCHED = 10.0  # seconds within which the last change of a run is right
_COLUMNS = [column for column in tables.runs.columns if column.name != "project"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it stands. Times are seconds since 1970; `touched` is that of the last change, to
    within 10 seconds."""

    id: str
    name: str | None
    task: str
    options: Mapping[str, Any]
    frame: RunAgreement | None
    created: float
    touched: float
    chunks: int
    rows: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it is stored; no other chunk of the run may have any of its `ids`."""

    sha256: str
    media_type: str
    rows: int
    frame: RunAgreement
    ids: Sequence[str]
    payload: bytes


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """A chunk of a run, without its content."""

    key: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some of the runs, the newest first, and how many there are in all."""

    runs: tuple[StoredRun, ...]
    total: int


class RunStore:
    """The runs in a store. Every method may be called from any thread and process, and returns when
    its change is on disk. `clock` gives seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def create(
        self,
        task: str,
        options: Mapping[str, Any],
        name: str | None,
        complete: CompleteOptions = lambda _, options: options,
    ) -> tuple[StoredRun, bool]:
        """A new run and True, or the existing run of that name and False.

        `complete` makes of a task and options what two runs must have in common. Raises
        `RunConflict` if that run has another task or other options.
        """
        now = self._clock()
        values: dict[str, Any] = {"id": f"run_{uuid.uuid4().hex}", "name": name, "task": task}
        values |= {"options": dict(options), "created": now, "touched": now}
        try:
            with writing(self._engine) as connection:
                known = None if name is None else _named(connection, name)
                if known is None:
                    own = {**values, "project": project_of(connection)}
                    connection.execute(sa.insert(tables.runs).values(**own))
                    return _load(connection, values["id"]), True
        except exc.IntegrityError:  # another writer was quicker, which PostgreSQL allows
            with reading(self._engine) as connection:
                known = None if name is None else _named(connection, name)
            if known is None:  # and gone again
                return self.create(task, options, name, complete)
        same = dict(complete(known.task, known.options)) == dict(complete(task, options))
        if known.task != task or not same:
            raise RunConflict(
                f"There is a run {name!r} with another task or other options; give another name, "
                f"or delete it with DELETE /metrics/runs/{known.id}."
            )
        return known, False

    def get(self, run_id: str) -> StoredRun:
        """The run as it stands. Raises `UnknownRun`."""
        with reading(self._engine) as connection:
            return _load(connection, run_id)

    def page(self, limit: int, offset: int, name: str | None = None) -> RunPage:
        """`limit` runs after the first `offset`, the newest first; with a `name` those of it."""
        runs = tables.runs
        with reading(self._engine) as connection:
            own = runs.c.project == project_of(connection)
            if name is not None:
                own = sa.and_(own, runs.c.name == name)
            chosen = sa.select(*_COLUMNS).where(own).order_by(runs.c.created.desc(), runs.c.id)
            rows = connection.execute(chosen.limit(limit).offset(offset)).all()
            counts = _counts(connection, [row.id for row in rows])
            count = sa.select(sa.func.count()).select_from(runs).where(own)
            total = connection.execute(count).scalar_one()
        return RunPage(tuple(_run(row, counts) for row in rows), total)

    def delete(self, run_id: str) -> None:
        """The run is gone, with its chunks. Raises `UnknownRun`."""
        runs = tables.runs
        with writing(self._engine) as connection:
            ALONE.take(connection, _name(run_id))
            gone = sa.delete(runs).where(*_own(connection, run_id))
            if not connection.execute(gone).rowcount:
                raise _unknown(run_id)

    def delete_chunk(self, run_id: str, key: str, ids_of: IdsOfChunk) -> None:
        """The chunk is gone, and its ids are free; without any chunk the run agrees on nothing.

        Raises `UnknownRun`, `UnknownChunk`, and what `ids_of` raises.
        """
        runs, chunks, own = tables.runs, tables.run_chunks, tables.run_ids
        with writing(self._engine) as connection:
            row = _held(connection, run_id, ALONE)
            this = chunks.c.run == run_id, chunks.c.key == key
            query = sa.select(chunks.c.media_type, chunks.c.payload).where(*this)
            found = connection.execute(query).one_or_none()
            if found is None:
                raise _unknown_chunk(key)
            ids = ids_of(*found)  # here, since another may have put other rows under the key
            connection.execute(sa.delete(chunks).where(*this))
            for start in range(0, len(ids), _BATCH):
                digests = [_digest(name) for name in ids[start : start + _BATCH]]
                free = sa.delete(own).where(own.c.run == run_id, own.c.id.in_(digests))
                connection.execute(free)
            left = run_id in _counts(connection, [run_id])
            change = {"frame": row.frame if left else None, "touched": self._clock()}
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**change))

    def put(self, run_id: str, key: str, chunk: StoredChunk, merge: AgreementMerge) -> bool:
        """Add a chunk; False if it existed already.

        Raises `UnknownRun`, `ChunkConflict` if the key has other content, `RepeatedId` where
        another chunk has one of the ids, and what `merge` raises.
        """
        if len(chunk.payload) > _MAX_PAYLOAD:
            raise TooManyBytes(
                f"The chunk has {len(chunk.payload)} bytes and {_MAX_PAYLOAD} can be kept; send "
                "its rows in several chunks."
            )
        add = partial(self._add, run_id=run_id, key=key, chunk=chunk, merge=merge)
        try:
            return in_turn(self._engine, add)
        except exc.IntegrityError:
            raise self._repeated(run_id, chunk.ids) from None

    def _add(
        self,
        connection: Connection,
        turn: Turn,
        *,
        run_id: str,
        key: str,
        chunk: StoredChunk,
        merge: AgreementMerge,
    ) -> bool:
        """Within a transaction. Its writers wait for one another only where a chunk changes what
        all agree on."""
        row = _held(connection, run_id, turn)
        if _is_there(connection, run_id, key, chunk.sha256):
            return False
        frame = dict(merge(row.frame, chunk.frame))
        if frame != row.frame:
            turn.need_alone()
        values = {"media_type": chunk.media_type, "rows": chunk.rows, "payload": chunk.payload}
        values |= {"run": run_id, "key": key, "sha256": chunk.sha256}
        connection.execute(sa.insert(tables.run_chunks).values(**values))
        # In one order, so of two chunks with the same ids one waits for the other, and not both.
        taken = [{"run": run_id, "id": digest} for digest in sorted(map(_digest, chunk.ids))]
        if taken:
            connection.execute(sa.insert(tables.run_ids), taken)
        self._note(connection, row, frame)
        return True

    def _note(
        self, connection: Connection, row: sa.Row[Any, Any, Any], frame: RunAgreement
    ) -> None:
        """That the run has changed; at the transaction's end, since others wait for it."""
        runs, now = tables.runs, self._clock()
        change = sa.update(runs).where(runs.c.id == row.id)
        if frame != row.frame:
            connection.execute(change.values(frame=frame, touched=now))
        elif row.touched <= now - _TOUCHED:
            due = runs.c.touched <= now - _TOUCHED
            connection.execute(change.where(due).values(touched=now))

    def entries(self, run_id: str) -> tuple[ChunkEntry, ...]:
        """The chunks that are there, by their keys. Raises `UnknownRun`."""
        with reading(self._engine) as connection:
            _load(connection, run_id)
            return _entries(connection, run_id)

    def payloads(self, run_id: str, key: str | None = None) -> Iterator[tuple[str, str, bytes]]:
        """Key, media type and payload of each chunk, or of one, one after the other, in any
        order."""
        chunks = tables.run_chunks
        columns = chunks.c.key, chunks.c.media_type, chunks.c.payload
        query = sa.select(*columns).where(chunks.c.run == run_id)
        if key is not None:
            query = query.where(chunks.c.key == key)
        with reading(self._engine) as connection:
            few = connection.execution_options(yield_per=4)
            # Closed on PostgreSQL too, where the caller leaves before the end.
            with few.execute(query) as found:
                for row in found:
                    yield row.key, row.media_type, row.payload

    def expire(self, ttl: float) -> int:
        """Deletes the runs that did not change in the last `ttl` seconds and a few more; the
        number deleted."""
        runs = tables.runs
        old = runs.c.touched <= self._clock() - ttl - _TOUCHED
        with writing(self._engine) as connection:
            return connection.execute(sa.delete(runs).where(old)).rowcount

    def _repeated(self, run_id: str, ids: Sequence[str]) -> RepeatedId:
        """The error about ids that another chunk has."""
        own = tables.run_ids
        for start in range(0, len(ids), _BATCH):
            place = {_digest(name): name for name in ids[start : start + _BATCH]}
            query = sa.select(own.c.id).where(own.c.run == run_id, own.c.id.in_(list(place)))
            with reading(self._engine) as connection:
                found = connection.execute(query).scalars().all()
            if found:
                first = min(place[bytes(digest)] for digest in found)
                return RepeatedId(
                    f"The id {first!r} is in another chunk of the run; each row has an id of its "
                    "own, in all chunks together.",
                    errors=[{"location": "ids", "received": first}],
                )
        return RepeatedId("An id of the chunk came twice; each row has an id of its own.")


def _held(connection: Connection, run_id: str, turn: Turn) -> sa.Row[Any, Any, Any]:
    """The run's row, when it is one's turn; it is there until the transaction's end. Raises
    `UnknownRun`."""
    turn.take(connection, _name(run_id))
    runs = tables.runs
    query = sa.select(runs.c.id, runs.c.frame, runs.c.touched).where(*_own(connection, run_id))
    held = query.with_for_update(read=True, key_share=True)
    row = connection.execute(held).one_or_none()
    if row is None:
        raise _unknown(run_id)
    return row


def _name(run_id: str) -> str:
    """By which its writers take turns."""
    return f"run {run_id}"


def _is_there(connection: Connection, run_id: str, key: str, sha256: str) -> bool:
    """Whether the same chunk exists. Raises `ChunkConflict` if another chunk has its key."""
    chunks = tables.run_chunks
    query = sa.select(chunks.c.sha256).where(chunks.c.run == run_id, chunks.c.key == key)
    known = connection.execute(query).scalar_one_or_none()
    if known is not None and known != sha256:
        raise ChunkConflict(
            f"The run has a chunk {key!r} with other content; post these rows under another key, "
            "or delete the chunk first (DELETE on its address)."
        )
    return known is not None


def _named(connection: Connection, name: str) -> StoredRun | None:
    own = tables.runs.c.name == name, tables.runs.c.project == project_of(connection)
    query = sa.select(tables.runs.c.id).where(*own)
    run_id = connection.execute(query).scalar_one_or_none()
    return None if run_id is None else _load(connection, run_id)


def _own(connection: Connection, run_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What the run's row has, if it is the project's."""
    return tables.runs.c.id == run_id, tables.runs.c.project == project_of(connection)


def _load(connection: Connection, run_id: str) -> StoredRun:
    query = sa.select(*_COLUMNS).where(*_own(connection, run_id))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _unknown(run_id)
    return _run(row, _counts(connection, [run_id]))


def _entries(connection: Connection, run_id: str) -> tuple[ChunkEntry, ...]:
    chunks = tables.run_chunks
    query = sa.select(chunks.c.key, chunks.c.rows, chunks.c.sha256).where(chunks.c.run == run_id)
    # Sorted here, since databases differ in how they order texts.
    found = sorted(connection.execute(query).all(), key=lambda row: row.key)
    return tuple(ChunkEntry(row.key, row.rows, row.sha256) for row in found)


def _counts(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Chunks and rows of each run that has any."""
    chunks = tables.run_chunks
    query = sa.select(chunks.c.run, sa.func.count(), sa.func.sum(chunks.c.rows))
    found = connection.execute(query.where(chunks.c.run.in_(run_ids)).group_by(chunks.c.run))
    return {run: (int(count), int(rows)) for run, count, rows in found}


def _run(row: sa.Row[Any], counts: Mapping[str, tuple[int, int]]) -> StoredRun:
    count, rows = counts.get(row.id, (0, 0))
    return StoredRun(**row._mapping, chunks=count, rows=rows)


def _unknown(run_id: str) -> UnknownRun:
    return UnknownRun(
        f"There is no run {run_id!r}, or it has expired; GET /metrics/runs lists those that are "
        "there, POST /metrics/runs makes a new one."
    )


def _unknown_chunk(key: str) -> UnknownChunk:
    """The error about a chunk that is not there."""
    return UnknownChunk(
        f"The run has no chunk {key!r}; GET /metrics/runs/{{id}}/chunks lists those that it has."
    )


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
