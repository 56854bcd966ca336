"""Uploaded images as rows of the store, for processes that share nothing else."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from brightfield.store import tables
from brightfield.store.database import reading, relaxed, writing
from brightfield.store.database_clock import LeaseClock, database_now
from brightfield.store.images import ROOM, ImageStore, check_size, digest_of, expired
from brightfield.store.ownership import DEFAULT_PROJECT
from brightfield.store.recent_bytes import RecentBytes

_INSERT: Mapping[str, Callable[[sa.Table], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
_SWEEP_KEY = 0x62726969  # PostgreSQL's advisory lock of sweeps: any number, always the same
_USED = 60.0  # seconds within which the last use of an image is right
_RECENT = 64 * 2**20  # bytes of images that a process keeps in memory
_LOOK = 0.01  # share of the bound that a process puts before it measures again what all have put


class TableImages(ImageStore):
    """Images in a table, each for `ttl` seconds after its last use, `max_bytes` in all.

    A process keeps at most `recent` bytes of those that it saw last, so an image that is asked for
    again and again crosses the network once; whether it is still there is asked each time.
    `clock` is what uses are counted by.
    """

    def __init__(
        self,
        engine: Engine,
        ttl: float,
        max_bytes: int,
        clock: LeaseClock = database_now,
        recent: int = _RECENT,
    ) -> None:
        self._engine = engine
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._unmeasured = 0
        self._recent = RecentBytes(recent)

    @property
    def place(self) -> str:
        return "database"

    def put(self, data: bytes, project: str = DEFAULT_PROJECT) -> str:
        check_size(len(data), self._max_bytes)
        digest, table = hashlib.sha256(data).hexdigest(), tables.images
        insert = _INSERT[self._engine.dialect.name](table).values(
            project=project, digest=digest, size=len(data), body=data, used=self._clock()
        )
        again = insert.on_conflict_do_update(
            index_elements=[table.c.project, table.c.digest], set_={"used": insert.excluded.used}
        )
        with writing(self._engine) as connection:
            connection.execute(again)
        self._recent.keep(digest, data)
        with self._lock:
            self._unmeasured += len(data)
            due = self._unmeasured >= self._max_bytes * _LOOK
            self._unmeasured = 0 if due else self._unmeasured
        if due:
            self._make_room(newest=(project, digest))
        return f"sha256:{digest}"

    def get(self, image_id: str, project: str = DEFAULT_PROJECT) -> bytes:
        digest = digest_of(image_id)
        known = self._recent.get(digest)
        if known is not None:
            self.use(image_id, project)
            return known
        body: bytes = self._read(image_id, project, tables.images.c.body)
        self._recent.keep(digest, body)
        return body

    def use(self, image_id: str, project: str = DEFAULT_PROJECT) -> int:
        size: int = self._read(image_id, project, tables.images.c.size)
        return size

    def sweep(self) -> int:
        return self._make_room()

    def held(self, project: str = DEFAULT_PROJECT) -> int:
        table = tables.images
        size = sa.select(sa.func.coalesce(sa.func.sum(table.c.size), 0))
        with reading(self._engine) as connection:
            return int(connection.execute(size.where(table.c.project == project)).scalar_one())

    def _read(self, image_id: str, project: str, column: sa.Column[Any]) -> Any:
        table, now = tables.images, self._clock()
        own = table.c.project == project, table.c.digest == digest_of(image_id)
        found = sa.select(column, table.c.used < now - min(_USED, self._ttl / 10))
        with reading(self._engine) as connection:
            query = found.where(*own, table.c.used >= now - self._ttl)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise expired()
        if row[1]:
            with relaxed(self._engine) as connection:
                connection.execute(sa.update(table).where(*own).values(used=now))
        return row[0]

    def _make_room(self, newest: tuple[str, str] | None = None) -> int:
        """Of processes that make room at once one does."""
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                lock = sa.select(sa.func.pg_try_advisory_xact_lock(_SWEEP_KEY))
                if not connection.execute(lock).scalar_one():
                    return 0
            return self._expire(connection) + self._evict(connection, newest)

    def _expire(self, connection: Connection) -> int:
        table = tables.images
        old = sa.delete(table).where(table.c.used < self._clock() - self._ttl)
        return connection.execute(old).rowcount

    def _evict(self, connection: Connection, newest: tuple[str, str] | None) -> int:
        table, removed = tables.images, 0
        query = sa.select(table.c.project, table.c.digest, table.c.size, table.c.used)
        kept = connection.execute(query.order_by(table.c.used)).all()
        total = sum(row.size for row in kept)
        limit = int(self._max_bytes * (1.0 if newest is None else ROOM))
        if total <= self._max_bytes:
            return 0
        for row in kept:
            if total <= limit:
                break
            own = table.c.project == row.project, table.c.digest == row.digest
            if (row.project, row.digest) != newest:
                gone = sa.delete(table).where(*own, table.c.used == row.used)
                count = connection.execute(gone).rowcount  # 0: it was used since it was listed
                removed, total = removed + count, total - count * row.size
        return removed
