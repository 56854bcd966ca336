"""Everything about collections that a service has, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from brightfield.collections.adding import CollectionStores, CollectionWriter
from brightfield.collections.index import CollectionIndexes
from brightfield.collections.patches import CollectedPatches
from brightfield.collections.projections import CollectionProjections
from brightfield.collections.quality import DataQuality
from brightfield.collections.queries import CollectionQueries
from brightfield.collections.vector_cache import VectorCache
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

    shelves: CollectionStores
    collecting: CollectionWriter
    exploring: CollectionQueries
    indexing: CollectionIndexes
    charting: CollectionProjections
    vetting: DataQuality
    patches: CollectedPatches

    @classmethod
    def of(cls, engine: Engine, database: sa.Engine) -> Self:
        items = Items(database)
        shelves = CollectionStores(
            Collections(database),
            items,
            Projections(database),
            VectorCache(items, engine.settings.vector_cache_bytes),
        )
        exploring = CollectionQueries(shelves)
        return cls(
            shelves,
            CollectionWriter(engine, shelves),
            exploring,
            CollectionIndexes(exploring, VectorIndexes(database)),
            CollectionProjections(exploring, projections.catalog()),
            DataQuality(exploring),
            CollectedPatches(engine, exploring),
        )

    def close(self) -> None:
        self.exploring.close()


def projection_catalog() -> dict[str, type[Projection]]:
    """Every projection by its name."""
    return projections.catalog()
