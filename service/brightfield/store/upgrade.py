"""The tables of a store, brought up to date.

Alembic does it, which is imported only if there is something to do: a store is new once, and each
start would wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pkgutil import iter_modules
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.outages import UnusableStore
from brightfield.store.migrations import versions

_LOCK_KEY = 0x62726967  # PostgreSQL's advisory lock for upgrades: any number, always the same
_UPGRADE = threading.Lock()  # Alembic keeps the running migration in module globals
_TABLE = sa.table("alembic_version", sa.column("version_num"))
_NEWER = (
    "The store was made by a newer Brightfield: install that version or a later one, "
    "or name another store in BRIGHTFIELD_DATA or BRIGHTFIELD_DATABASE_URL."
)


@cache
def newest() -> str:
    """The version of up-to-date tables: that of the last file of the migrations."""
    return max(file.name for file in iter_modules(versions.__path__))[1:5]


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date, if they aren't; of several processes one does it and the others
    wait. Raises `UnusableStore` for tables that a newer Brightfield made."""
    if _version(engine) == newest():
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", "brightfield.store:migrations")
    with _UPGRADE, engine.connect() as connection, _without_cascades(connection):
        held = connection.execution_options(brightfield_writes=True)
        with held.begin():
            if engine.dialect.name == "postgresql":
                held.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
            config.attributes["connection"] = held
            try:
                command.upgrade(config, "head")
            except CommandError as fault:
                newer = "Can't locate revision" in str(fault)
                raise UnusableStore(_NEWER if newer else str(fault)) from fault


def _version(engine: Engine) -> str | None:
    """That of the tables as they are; None if there are none."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(_TABLE.name):
            return None
        found: str | None = connection.scalar(sa.select(_TABLE.c.version_num))
        return found


@contextmanager
def _without_cascades(connection: Connection) -> Iterator[None]:
    """While SQLite changes a table it makes another and drops the first, and with foreign keys on
    it would delete every row that refers to it. They can't be switched within a transaction."""
    raw: Any = connection.connection.dbapi_connection
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        if sqlite:
            raw.execute("PRAGMA foreign_keys=ON")
