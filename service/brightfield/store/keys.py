"""API keys: who may ask the service for what. A key's secret isn't here, only its salted hash."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from brightfield.errors import nearest
from brightfield.refusals import KeyExists, UnknownKey
from brightfield.store import tables
from brightfield.store.database import open_database, reading, writing


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """The most that a key may take; None: as much as the service allows anyway."""

    rate: float | None = None
    """Requests per second, in each process of the service."""
    in_flight: int | None = None
    """Images in flight at once, in each process of the service."""
    stored_bytes: int | None = None
    """Bytes that the key's project may hold before the key can store no more."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it stands. Times are seconds since 1970; `used` is right to within an hour."""

    id: str
    name: str
    project: str
    scopes: tuple[str, ...]
    salt: bytes
    digest: bytes
    limits: KeyLimits
    created: float
    expires: float | None = None
    revoked: float | None = None
    used: float | None = None


class KeyStore:
    """The keys in a store. Every method may be called from any thread and process, and returns when
    its change is on disk. `clock` gives seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, key: StoredKey) -> None:
        """Raises `KeyExists` if a key that isn't revoked has the same name or id."""
        values = {**asdict(key), "scopes": list(key.scopes)}
        with writing(self._engine) as connection:
            for other in _keys(connection):
                if other.id == key.id or (other.name == key.name and other.revoked is None):
                    raise KeyExists(
                        f"There is a key {key.name!r} already ({other.id}); choose another name, "
                        f"or revoke it first: brightfield keys revoke {other.id}."
                    )
            connection.execute(sa.insert(tables.api_keys).values(**values))

    def all(self) -> list[StoredKey]:
        """Every key, also revoked ones, the oldest first."""
        with reading(self._engine) as connection:
            return _keys(connection)

    def revoke(self, which: str) -> StoredKey:
        """Revoke the key of this id, or of this name; a key that is revoked already stays so.

        Raises `UnknownKey` with the nearest names.
        """
        table = tables.api_keys
        with writing(self._engine) as connection:
            keys = _keys(connection)
            named = [each for each in keys if each.name == which and each.revoked is None]
            found = [each for each in keys if each.id == which] or named
            if not found:
                known = [word for each in keys for word in (each.name, each.id)]
                raise UnknownKey(
                    f"There is no key {which!r}.{nearest(which, known)} brightfield keys list "
                    "names them all."
                )
            change = sa.update(table).where(table.c.id == found[0].id, table.c.revoked.is_(None))
            connection.execute(change.values(revoked=self._clock()))
        return found[0]

    def touch(self, ids: Iterable[str]) -> None:
        """These keys were used just now."""
        table = tables.api_keys
        with writing(self._engine) as connection:
            change = sa.update(table).where(table.c.id.in_(list(ids)))
            connection.execute(change.values(used=self._clock()))


@contextmanager
def open_keys(url: str) -> Iterator[KeyStore]:
    """The keys of the store at `url`, for a command. Raises `UnusableStore`."""
    engine = open_database(url)
    try:
        yield KeyStore(engine)
    finally:
        engine.dispose()


def _keys(connection: sa.Connection) -> list[StoredKey]:
    query = sa.select(tables.api_keys).order_by("created", "id")
    return [_key(dict(row)) for row in connection.execute(query).mappings()]


def _key(row: Mapping[str, Any]) -> StoredKey:
    kept = {"scopes": tuple(row["scopes"]), "limits": KeyLimits(**row["limits"])}
    return StoredKey(**{**row, **kept})
