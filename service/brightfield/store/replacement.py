"""One collection takes the place of another that has the same items, by their ids and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.errors import CollectionDiffers
from brightfield.store import tables
from brightfield.store.collections import OF_THE_MODEL, Collection, known, remove
from brightfield.store.database import writing
from brightfield.store.turns import ALONE

_NAMED = 5  # ids that a refusal names


class Replacements:
    """Collections that were filled anew, each in the place of the former, in one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace(self, name: str, by: str, changes: int | None = None) -> tuple[Collection, str]:
        """Let the collection `by` take the place and the name of another; it as it is then, and
        the key of the other.

        The other is deleted, with its projections and its index. Raises `UnknownCollection`, and
        `CollectionDiffers` unless both have the same properties, but for the model's version, and
        items of the same ids and metadata, and the other has had so many `changes` and no more.
        """
        table = tables.collections
        with writing(self._engine) as connection:
            # In one order, so two that replace each other never wait for one another.
            both = {each: known(connection, each, ALONE) for each in sorted({name, by})}
            _check(connection, both[name], both[by], changes)
            remove(connection, both[name])
            change = sa.update(table).where(table.c.key == both[by].key)
            connection.execute(change.values(name=name))
            return known(connection, name), both[name].key


def _check(
    connection: Connection, former: Collection, fresh: Collection, changes: int | None
) -> None:
    """Raises `CollectionDiffers`, saying in what."""
    if former.key == fresh.key:
        raise CollectionDiffers(f"The collection {former.name} cannot replace itself.")
    if changes is not None and changes != former.changes:
        raise CollectionDiffers(
            f"The collection {former.name} has changed since: it counts {former.changes} changes, "
            f"not {changes}. Look at it again, bring {fresh.name} up to date, and ask again."
        )
    before, after = asdict(former.properties), asdict(fresh.properties)
    wrong = [each for each in before.keys() - OF_THE_MODEL if before[each] != after[each]]
    if wrong:
        raise CollectionDiffers(
            f"{fresh.name} has another {', '.join(sorted(wrong))} than {former.name}; make it with "
            "the same."
        )
    for lacking, other in ((fresh, former), (former, fresh)):
        _check_ids(connection, lacking, other)
    _check_metadata(connection, former, fresh)


def _check_ids(connection: Connection, lacking: Collection, other: Collection) -> None:
    one, two = (tables.collection_items.alias(name) for name in ("one", "two"))
    there = sa.exists().where(two.c.collection == lacking.key, two.c.id == one.c.id)
    query = sa.select(one.c.id).where(one.c.collection == other.key, ~there)
    _refuse(connection.scalars(query), f"{lacking.name} lacks items of {other.name}")


def _check_metadata(connection: Connection, former: Collection, fresh: Collection) -> None:
    one, two = (tables.collection_items.alias(name) for name in ("one", "two"))
    query = sa.select(one.c.id, one.c.metadata, two.c.metadata).where(
        one.c.collection == former.key, two.c.collection == fresh.key, one.c.id == two.c.id
    )
    differing = (row[0] for row in connection.execute(query) if row[1] != row[2])
    _refuse(differing, f"Items of {fresh.name} have other metadata than in {former.name}")


def _refuse(ids: Any, what: str) -> None:
    found: Iterator[str] = iter(ids)
    named = [name for _, name in zip(range(_NAMED), found, strict=False)]
    if named:
        more = sum(1 for _ in found)
        rest = f" and {more} more" if more else ""
        raise CollectionDiffers(
            f"{what}: {', '.join(map(repr, named))}{rest}. Bring the two to the same items first."
        )
