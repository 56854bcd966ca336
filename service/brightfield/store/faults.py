"""What a fault of the disk or the database means to a caller, and what to do about it."""

from __future__ import annotations

import errno
import logging
import re
import sqlite3

from sqlalchemy import exc

from brightfield.outages import (
    StoreBusy,
    StoreDamaged,
    StoreFull,
    StoreMissing,
    StoreOutdated,
    StoreReadOnly,
    StoreUnavailable,
)
from brightfield.store import tables

log = logging.getLogger(__name__)

_AGAIN = 5.0  # seconds after which a store that failed is worth another request

_SQLITE: dict[int, type[StoreUnavailable]] = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_READONLY: StoreReadOnly,
    sqlite3.SQLITE_PERM: StoreReadOnly,
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_CORRUPT: StoreDamaged,
    sqlite3.SQLITE_NOTADB: StoreDamaged,
    sqlite3.SQLITE_CANTOPEN: StoreMissing,
}
"""By the primary result code, https://sqlite.org/rescode.html."""

_DEADLOCK = "40P01"
_POSTGRESQL: dict[str, type[StoreUnavailable]] = {
    "53100": StoreFull,
    "25006": StoreReadOnly,
    "42501": StoreReadOnly,
    "53300": StoreBusy,
    "55P03": StoreBusy,
    "40001": StoreBusy,
    _DEADLOCK: StoreBusy,
    "XX001": StoreDamaged,
    "XX002": StoreDamaged,
    "3D000": StoreMissing,
    "28P01": StoreMissing,
    "28000": StoreMissing,
}
"""By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_ERRNO: dict[int, type[StoreUnavailable]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EROFS: StoreReadOnly,
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
}

_WHAT_TO_DO: dict[type[StoreUnavailable], str] = {
    StoreFull: "The disk of the store is full: free some space on it, then ask again.",
    StoreReadOnly: "The store cannot be written: give the service the right to write to its data "
    "folder or database. What is stored can still be read.",
    StoreBusy: "Another program holds the store: ask again, and end that program if it stays.",
    StoreDamaged: "The database of the store is damaged: put a backup in its place with "
    "`brightfield restore --replace FILE`.",
    StoreMissing: "The database of the store isn't where it was: bring it back, or start the "
    "service again for a new one.",
    StoreOutdated: "The database was made by another version of Brightfield than this one: start "
    "the service again, which brings an older one up to date.",
    StoreUnavailable: "The store does not answer: its disk may be at fault or its server away. Ask "
    "again in a moment.",
}

_NO_CONNECTION = (
    "All connections of this process to the store are in use: ask again in a moment, or allow more "
    "(database_connections)."
)
_OF_THE_STATEMENT = (
    exc.IntegrityError,
    exc.DataError,
    exc.ProgrammingError,
    exc.NotSupportedError,
)
_NO_TABLE = re.compile(r"no such (?:table|column): ([\w.]+)|(?:relation|column) \"?([\w.]+)\"?")


def of_database(error: exc.SQLAlchemyError) -> StoreUnavailable | None:
    """The error for a caller; None for what the statement is to blame for, not the store."""
    if isinstance(error, exc.TimeoutError):
        return StoreBusy(_NO_CONNECTION, retry_after=_AGAIN)
    kind = _kind_of(error)
    return None if kind is None else _fault(kind, str(getattr(error, "orig", None) or error))


def is_deadlock(fault: StoreUnavailable) -> bool:
    """Whether two transactions waited for one another, of which this one was undone."""
    return isinstance(fault.__cause__, exc.DBAPIError) and _state(fault.__cause__) == _DEADLOCK


def of_disk(error: OSError) -> StoreUnavailable:
    """The error for a caller where a file cannot be written or read."""
    return _fault(_ERRNO.get(error.errno or 0, StoreUnavailable), str(error))


def missing() -> StoreUnavailable:
    """The file of the store went away under the service."""
    return _fault(StoreMissing, "no file, or another one, is at the path of the store")


def outdated(found: str, wanted: str) -> StoreUnavailable:
    """The tables are those of another version."""
    return _fault(StoreOutdated, f"the tables are of version {found}, not {wanted}")


def _fault(kind: type[StoreUnavailable], cause: str) -> StoreUnavailable:
    """The cause goes to the log alone, in one line: it may name a place on this machine."""
    log.error("%s: %s", kind.code, " ".join(cause.split()))
    return kind(_WHAT_TO_DO[kind], retry_after=_AGAIN if kind.retryable else None)


def _kind_of(error: exc.SQLAlchemyError) -> type[StoreUnavailable] | None:
    if not isinstance(error, exc.DBAPIError):
        return None
    if _names_own_table(error):
        return StoreOutdated
    code = getattr(error.orig, "sqlite_errorcode", None)
    known = _SQLITE.get(code & 0xFF) if code is not None else _POSTGRESQL.get(_state(error))
    if known is None and not isinstance(error, _OF_THE_STATEMENT):
        return StoreUnavailable
    return known


def _state(error: exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _names_own_table(error: exc.DBAPIError) -> bool:
    """Whether a table or column of ours isn't there. The tables of indexes come and go."""
    match = _NO_TABLE.search(str(error.orig))
    if match is None or _state(error) not in ("", "42P01", "42703"):
        return False
    own = tables.metadata.tables
    columns = {column.name for table in own.values() for column in table.columns}
    names = {"alembic_version", *own, *columns}
    return (match[1] or match[2]).rpartition(".")[2] in names
