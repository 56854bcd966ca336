"""pgvector on the server: whether it is available, and what to do if it isn't."""

from __future__ import annotations

from importlib.util import find_spec

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Engine

from brightfield.errors import IndexUnavailable
from brightfield.outages import StoreReadOnly
from brightfield.store.database import reading, writing

_NAME = "vector"
_LEAST = (0, 8)  # the first that searches on when deleted items leave too few candidates


def provide(engine: Engine) -> str:
    """The version of pgvector in the database, which is created if necessary.

    Raises `IndexUnavailable` if that isn't possible.
    """
    check_database(engine)
    version = _version(engine) or _create(engine)
    if tuple(int(part) for part in version.split(".")[:2]) < _LEAST:
        raise IndexUnavailable(
            f"The database has pgvector {version}, and an index needs 0.8 or later: install it on "
            "the server and run ALTER EXTENSION vector UPDATE. Until then search exactly."
        )
    return version


def check_database(engine: Engine) -> None:
    """Raises `IndexUnavailable` for SQLite, and where Python's side of pgvector is missing."""
    if engine.dialect.name != "postgresql":
        raise IndexUnavailable(
            "The store is SQLite, where every search is exact. An index needs PostgreSQL with "
            "pgvector: name such a database in BRIGHTFIELD_DATABASE_URL, or search exactly."
        )
    if find_spec("pgvector") is None:
        raise IndexUnavailable(
            'An index needs a package: pip install "brightfield[postgres]". Until then search '
            "exactly."
        )


def _version(engine: Engine) -> str | None:
    query = sa.text("SELECT extversion FROM pg_extension WHERE extname = :name")
    with reading(engine) as connection:
        version: str | None = connection.execute(query, {"name": _NAME}).scalar_one_or_none()
    return version


def _create(engine: Engine) -> str:
    query = sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = :name")
    with reading(engine) as connection:
        if not connection.execute(query, {"name": _NAME}).scalar_one():
            raise IndexUnavailable(
                "The PostgreSQL server has no pgvector: install it there (Debian and Ubuntu: the "
                "package postgresql-<version>-pgvector). Until then search exactly."
            )
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql(f"CREATE EXTENSION IF NOT EXISTS {_NAME}")
    except (StoreReadOnly, exc.ProgrammingError, exc.IntegrityError):
        pass  # no right to, or another process was quicker
    version = _version(engine)
    if version is None:
        raise IndexUnavailable(
            "The role of BRIGHTFIELD_DATABASE_URL may not create the extension pgvector: let an "
            "administrator run CREATE EXTENSION vector in this database. Until then search exactly."
        )
    return version
