"""Everything about collections that a service has, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from brightfield.collections.adding import Collecting, Shelves
from brightfield.collections.index import Indexing
from brightfield.collections.patches import CollectedPatches
from brightfield.collections.projections import Charting
from brightfield.collections.quality import Vetting
from brightfield.collections.queries import Exploring
from brightfield.collections.vector_cache import Spaces
from brightfield.embedding import projections
from brightfield.embedding.projections.projection import Projection
from brightfield.engine.engine import Engine
from brightfield.store.collections import Collections
from brightfield.store.items import Items
from brightfield.store.projections import Projections
from brightfield.store.vector_index import VectorIndexes


@dataclass(frozen=True, slots=True)
class CollectionWork:
    """The store's collections, and what can be done with them. `close` it before the store."""

    shelves: Shelves
    collecting: Collecting
    exploring: Exploring
    indexing: Indexing
    charting: Charting
    vetting: Vetting
    patches: CollectedPatches

    @classmethod
    def of(cls, engine: Engine, database: sa.Engine) -> Self:
        items = Items(database)
        shelves = Shelves(
            Collections(database),
            items,
            Projections(database),
            Spaces(items, engine.settings.vector_cache_bytes),
        )
        exploring = Exploring(shelves)
        return cls(
            shelves,
            Collecting(engine, shelves),
            exploring,
            Indexing(exploring, VectorIndexes(database)),
            Charting(exploring, projections.catalog()),
            Vetting(exploring),
            CollectedPatches(engine, exploring),
        )

    def close(self) -> None:
        self.exploring.close()


def projection_catalog() -> dict[str, type[Projection]]:
    """Every projection by its name."""
    return projections.catalog()
