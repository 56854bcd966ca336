"""Backups: everything that a store holds, as one moment saw it, in one SQLite file.

The file is a store of its own, whichever database it was made of: it can be put into another store,
SQLite or PostgreSQL, or be opened as one. Uploaded images (a cache) and downloaded weights are in
the data folder and not in the store, and not in a backup; approximate indexes are built anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine, Row

from brightfield.errors import Conflict
from brightfield.outages import Interrupted, StoreDamaged, UnusableBackup, UnusableStore
from brightfield.store import faults, hnsw_table, tables
from brightfield.store.database import database_file, open_database, reading, writing
from brightfield.store.jobs import LIVE, outline

_ROWS = 500  # that are in memory together, of tables with small rows
_BODIES = {"body", "payload", "points"}  # columns whose values may have megabytes

RowCounts = dict[str, int]
"""Rows by table."""


def back_up(engine: Engine, file: Path) -> RowCounts:
    """Write everything in the store into `file`, while the service goes on; the rows by table.

    All tables are read in one transaction, so the backup is the store at one moment. The file
    appears whole or not at all, readable by its owner alone. Raises `Conflict` if it is there
    already, `StoreUnavailable` if it cannot be written.
    """
    if file.exists():
        raise Conflict(f"{file.name} is there already; name another file.")
    with _unfinished(file) as made:
        target = open_database(f"sqlite:///{made}")
        try:
            with reading(engine) as source, writing(target) as copy:
                counts = _copy_all(source, copy, {})
            target.dispose()
            _join_log(made)
            made.chmod(0o600)
        finally:
            target.dispose()
        made.replace(file)
    return counts


def restore(file: Path, url: str, *, replace: bool = False) -> RowCounts:
    """Put everything of a backup into the store at `url`, in one transaction; the rows by table.

    A running service sees all of it or nothing. Jobs that waited or ran when the backup was made
    have failed with the code `interrupted`. With `replace` what the store holds is deleted first,
    and a damaged SQLite file is moved aside. Raises `UnusableBackup` if `file` is none, `Conflict`
    if the store holds something and `replace` isn't set, and what `open_database` raises.
    """
    with _opened(file) as backup:
        try:
            return _put(backup, url, replace)
        except (StoreDamaged, UnusableStore) as fault:
            path = database_file(url)
            if not replace or path is None or not _is_damage(fault):
                raise
            _move_aside(path)
            return _put(backup, url, replace)


def _put(backup: Engine, url: str, replace: bool) -> RowCounts:
    engine = open_database(url)
    try:
        with reading(backup) as source, writing(engine) as target:
            _keep_writers_out(target)
            if not replace:
                _check_empty(target)
            _clear(target)
            counts = _copy_all(source, target, _new_keys(source))
            _end_jobs(target)
    finally:
        engine.dispose()
    return counts


def _is_damage(fault: StoreDamaged | UnusableStore) -> bool:
    cause = fault.__cause__
    return isinstance(cause, exc.DBAPIError) and isinstance(faults.of_database(cause), StoreDamaged)


def _move_aside(path: Path) -> None:
    """The file and its log, which would else be taken for that of the new file."""
    when = time.strftime("%Y%m%dT%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{path}.damaged-{when}{suffix}")


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """A path in the folder of `file` on the same disk; what is left there goes away."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{file.name}-", dir=file.parent))
    except OSError as error:
        raise faults.of_disk(error) from error
    try:
        yield folder / "backup.db"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _join_log(file: Path) -> None:
    """All in one file, and on the disk: it shall survive what a backup is made for."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    with file.open("rb") as written:
        os.fsync(written.fileno())


@contextmanager
def _opened(file: Path) -> Iterator[Engine]:
    """The backup, brought up to date on a copy: the file stays as it is."""
    if not file.is_file():
        raise UnusableBackup(f"There is no file {file.name}.")
    if file.with_name(f"{file.name}-wal").exists():
        raise UnusableBackup(
            f"{file.name} is a store that is in use, and a part of it stands in another file; make "
            "a backup of it with `brightfield backup`."
        )
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "backup.db"
        try:
            shutil.copyfile(file, copied)
        except OSError as error:
            raise faults.of_disk(error) from error
        _check_sound(copied)
        try:
            engine = open_database(f"sqlite:///{copied}")
        except UnusableStore as error:
            raise UnusableBackup(f"{file.name} cannot be read: {error.detail}") from error
        try:
            yield engine
        finally:
            engine.dispose()


def _copy_all(source: Connection, target: Connection, keys: Mapping[str, str]) -> RowCounts:
    return {
        table.name: _copy(source, target, table, keys)
        for table in tables.metadata.sorted_tables
        if table is not tables.collection_indexes and table not in tables.PASSING
    }


def _copy(source: Connection, target: Connection, table: sa.Table, keys: Mapping[str, str]) -> int:
    many = 1 if _BODIES & set(table.columns.keys()) else _ROWS
    rows = source.execution_options(yield_per=many).execute(sa.select(table))
    count = 0
    for part in rows.partitions():
        target.execute(sa.insert(table), [_renamed(row, table, keys) for row in part])
        count += len(part)
    return count


def _renamed(row: Row[Any], table: sa.Table, keys: Mapping[str, str]) -> dict[str, Any]:
    values = dict(row._mapping)
    column = "key" if table is tables.collections else "collection"
    if column in values:
        values[column] = keys.get(values[column], values[column])
    return values


def _new_keys(source: Connection) -> dict[str, str]:
    """New keys for the collections: what a running service keeps in memory is kept by key."""
    keys = source.scalars(sa.select(tables.collections.c.key))
    return {key: uuid.uuid4().hex for key in keys}


def _keep_writers_out(connection: Connection) -> None:
    """Until the transaction's end, as SQLite does by itself. Who waited for a row that a restore
    deletes would not see the one that takes its place; who waits for the table does."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(tables.metadata.tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _check_empty(connection: Connection) -> None:
    for table in set(tables.metadata.sorted_tables) - tables.PASSING:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise Conflict(
                "The store isn't empty. Name another one in BRIGHTFIELD_DATA or "
                "BRIGHTFIELD_DATABASE_URL, or delete what it holds with --replace."
            )


def _clear(connection: Connection) -> None:
    """Delete everything but the processes that run."""
    for key in connection.scalars(sa.select(tables.collections.c.key)).all():
        hnsw_table.drop(connection, key)
    for table in reversed(tables.metadata.sorted_tables):
        if table is not tables.replicas:
            connection.execute(sa.delete(table))


def _end_jobs(connection: Connection) -> None:
    jobs = tables.jobs
    problem = outline(Interrupted("The store was restored before the job ended; post it again."))
    change = sa.update(jobs).where(jobs.c.state.in_(LIVE))
    connection.execute(change.values(state="failed", finished=time.time(), problem=problem))


def _check_sound(file: Path) -> None:
    """Raises `UnusableBackup` if `file` isn't a whole store."""
    with closing(sqlite3.connect(file)) as connection:
        try:
            connection.execute("SELECT version_num FROM alembic_version")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise UnusableBackup("The file isn't a backup of a store.") from error
    if verdict != "ok":
        raise UnusableBackup(f"The file is damaged: {verdict}.")
