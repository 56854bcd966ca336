"""Opening the store, and the two kinds of transaction on it.

SQLite runs in write-ahead mode with `synchronous=FULL`: a committed transaction survives `kill -9`
and a power cut. PostgreSQL runs with what the server sets. Everything above this file is the same
for both.

A store may fail while the service runs: its disk is full, its file is moved away, its server stops.
Each transaction then raises the error of `faults`, and the next one tries anew, on new connections
where the old ones are worth nothing, so that the service needs no restart once the store is back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import InvalidParameter
from brightfield.outages import StoreBusy, StoreFull, StoreReadOnly, UnusableStore
from brightfield.store import faults
from brightfield.store.database_file import DatabaseFile
from brightfield.store.upgrade import newest, upgrade

CONNECTIONS = 5
"""To a store, of a process that doesn't say how many."""

_WAIT = 30.0  # seconds for which one writer waits for another
_STATEMENT = 4 * 2**20  # bytes of the values of one
_WAL_LIMIT = 64 * 2**20  # bytes to which the log is cut back after a large result
_SERVER = {
    "connect_timeout": 10,  # seconds; libpq alone would wait for the operating system's minutes
    "tcp_user_timeout": 30_000,  # milliseconds until a server that fell silent is given up
    "keepalives_idle": 30,
}
_CONNECTIONS_STAND = (StoreBusy, StoreFull, StoreReadOnly)
"""Faults after which open connections are as good as before."""
_WRITES = {"brightfield_writes": True}
_RELAXED = "brightfield_relaxed"
_AFTER = "brightfield_after"


def open_database(url: str, connections: int = CONNECTIONS) -> Engine:
    """An engine on the store at `url`, with its tables brought up to date. It holds at most so many
    connections; who needs one more waits until another is free.

    `url` is SQLAlchemy's: `sqlite:///folder/brightfield.db` (the folder is made if it is missing)
    or `postgresql://user:password@host/name`. Several processes may open the same store at once;
    one upgrades it and the others wait.

    Raises `UnusableStore`, with a sentence for the person who starts the service, if the address,
    the driver, the server or the file does not work, or if a newer Brightfield made the store.
    """
    engine = None
    try:
        engine = _engine(_address(url), connections)
        upgrade(engine)
    except (exc.SQLAlchemyError, ImportError, OSError, UnusableStore) as error:
        if engine is not None:
            engine.dispose()
        raise UnusableStore(_explanation(error)) from error
    _watch_version(engine)
    return engine


def apart(engine: Engine) -> Engine:
    """The same store by one connection of its own, for what must not wait for a free one."""
    other = _engine(engine.url, 1)
    _watch_version(other)
    return other


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: committed at the end of the block, undone when it raises.

    On SQLite it takes the write lock at once. A transaction that reads first and asks for the lock
    later would fail with "database is locked" when another wrote in between, however long it waits.
    """
    with _committed(engine, _WRITES) as connection:
        yield connection


@contextmanager
def relaxed(engine: Engine) -> Iterator[Connection]:
    """As `writing`, without waiting for the disk: for what is soon written again or worth little.

    A power cut may take the last such transactions back, whole. Whatever `writing` commits later
    brings them to the disk, too.
    """
    with _committed(engine, {**_WRITES, _RELAXED: True}) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield connection


def once_committed(connection: Connection, call: Callable[[], object]) -> None:
    """Call something when the transaction that writes is committed; never, if it is undone."""
    connection.get_execution_options()[_AFTER].append(call)


@contextmanager
def _committed(engine: Engine, options: Mapping[str, Any]) -> Iterator[Connection]:
    after: list[Callable[[], object]] = []
    with _translated(engine), engine.connect() as connection:
        held = connection.execution_options(**options, **{_AFTER: after})
        with held.begin():
            yield held
    for call in after:
        call()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; all its queries see one moment of the store."""
    # As SQLite has it; PostgreSQL's own choice lets every query see another moment.
    whole = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _translated(engine), engine.connect() as connection:
        yield connection.execution_options(**whole)


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (exc.DataError, UnicodeEncodeError) as error:
        raise InvalidParameter(
            "A name or an id has a character that no text in the store can have: U+0000, or half "
            "of a surrogate pair. Send it without."
        ) from error
    except exc.SQLAlchemyError as error:
        fault = faults.of_database(error)
        if fault is None:
            raise
        if not isinstance(fault, _CONNECTIONS_STAND):
            engine.dispose()
        raise fault from error


def _address(url: str) -> sa.URL:
    address = sa.make_url(url)
    if address.drivername in {"postgres", "postgresql"}:
        return address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() != "sqlite":
        return address
    if address.database in {None, "", ":memory:"}:
        raise UnusableStore(
            "A store in memory would lose its jobs; name a file, as in sqlite:///brightfield.db."
        )
    return address


def database_file(url: str) -> Path | None:
    """The file of an SQLite store; None for a server, and for an address in SQLite's own form."""
    address = _address(url)
    plain = address.get_backend_name() == "sqlite" and not str(address.database).startswith("file:")
    return Path(str(address.database)) if plain else None


def rows_at_once(size: int) -> dict[str, int]:
    """Execution options to insert rows with values of so many bytes: several in a statement, as
    long as that has no more than a few megabytes."""
    return {"insertmanyvalues_page_size": max(1, min(1000, _STATEMENT // max(1, size)))}


def _engine(address: sa.URL, connections: int) -> Engine:
    pool = {"pool_size": connections, "max_overflow": 0}
    if address.get_backend_name() != "sqlite":
        given = {name: value for name, value in _SERVER.items() if name not in address.query}
        engine = sa.create_engine(address, pool_pre_ping=True, connect_args=given, **pool)
        # Many rows in one statement, not a statement for each.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine
    engine = sa.create_engine(address, connect_args={"timeout": _WAIT}, **pool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    path = database_file(str(address))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    _switch_to_wal(engine)
    if path is not None:
        DatabaseFile(path).watch(engine)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, in `_begin`; the driver's comes too late
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get("brightfield_writes", False)
    if writes:
        level = "NORMAL" if options.get(_RELAXED, False) else "FULL"
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(engine: Engine) -> None:
    """Write-ahead mode, which stays with the file.

    SQLite does not wait for the lock that this switch needs, so one of two processes that open a
    new store together gets "locked" at once; hence the loop.
    """
    deadline = time.monotonic() + _WAIT
    statement = "PRAGMA journal_mode=WAL"
    while True:
        try:
            with closing(engine.raw_connection()) as connection:
                connection.cursor().execute(statement)
            return
        except sqlite3.Error as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise exc.DatabaseError(statement, None, error) from error
        time.sleep(0.02)


def _watch_version(engine: Engine) -> None:
    """Refuse connections to a database that another version of Brightfield made: an older or newer
    one may take the place of the store while the service runs."""

    @event.listens_for(engine, "connect")
    def check(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT version_num FROM alembic_version")
        found = cursor.fetchone()
        cursor.close()
        if not getattr(connection, "autocommit", True):
            connection.rollback()
        if found is None or found[0] != newest():
            connection.close()
            raise faults.outdated(str(found and found[0]), newest())


def _explanation(error: Exception) -> str:
    if isinstance(error, UnusableStore):
        return error.detail
    if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
        return 'A store in PostgreSQL needs its driver: pip install "psycopg[binary]".'
    if isinstance(error, exc.ArgumentError | exc.NoSuchModuleError | ImportError):
        return (
            "BRIGHTFIELD_DATABASE_URL is not an address of SQLite or PostgreSQL; "
            "write for example postgresql://user:password@host/name."
        )
    if isinstance(error, exc.DBAPIError):
        cause = str(error.orig).partition("\n")[0]
    else:
        cause = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    return f"The store of BRIGHTFIELD_DATA or BRIGHTFIELD_DATABASE_URL cannot be opened: {cause}."
