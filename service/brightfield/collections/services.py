"""Everything about collections that a service has, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa

from brightfield.collections.adding import CollectionStores, CollectionWriter
from brightfield.collections.concepts import ConceptTests
from brightfield.collections.contents import CollectionContents
from brightfield.collections.index import CollectionIndexes
from brightfield.collections.neighbors import NeighborSearch
from brightfield.collections.patches import CollectedPatches
from brightfield.collections.projections import CollectionProjections
from brightfield.collections.quality import DataQuality
from brightfield.collections.queries import CollectionQueries
from brightfield.collections.vector_cache import VectorCache
from brightfield.embedding import projections
from brightfield.embedding.projections.projection import Projection
from brightfield.engine.engine import Engine
from brightfield.plugins import LateCatalog
from brightfield.store.collections import Collections
from brightfield.store.items import Items
from brightfield.store.projections import Projections
from brightfield.store.replacement import Replacements
from brightfield.store.vector_index import VectorIndexes


@dataclass(frozen=True, slots=True)
class CollectionWork:
    """The store's collections, and what can be done with them. `close` it before the store."""

    stores: CollectionStores
    contents: CollectionContents
    writer: CollectionWriter
    queries: CollectionQueries
    indexes: CollectionIndexes
    neighbors: NeighborSearch
    projections: CollectionProjections
    quality: DataQuality
    patches: CollectedPatches
    concepts: ConceptTests

    @classmethod
    def of(cls, engine: Engine, database: sa.Engine, beside: Self | None = None) -> Self:
        """Of the database, as a project sees it; `beside` that of another project, with which it
        shares its threads and its memory."""
        items = Items(database)
        if beside is None:
            vectors = VectorCache(items, engine.settings.vector_cache_bytes)
        else:
            vectors = beside.stores.vectors.as_read_by(items)
        stores = CollectionStores(Collections(database), items, Projections(database), vectors)
        queries = CollectionQueries(stores, beside.queries.pool if beside else None)
        indexes = CollectionIndexes(queries, VectorIndexes(database))
        return cls(
            stores,
            CollectionContents(stores, Replacements(database)),
            CollectionWriter(engine, stores),
            queries,
            indexes,
            NeighborSearch(engine, queries, indexes),
            CollectionProjections(queries, projection_catalog()),
            DataQuality(queries),
            CollectedPatches(engine, queries),
            ConceptTests(engine, queries),
        )

    def close(self, timeout: float) -> None:
        """End the threads within so many seconds."""
        self.queries.close(timeout)


def projection_catalog() -> Mapping[str, type[Projection]]:
    """Every projection by its name."""
    return LateCatalog(projections.catalog)
