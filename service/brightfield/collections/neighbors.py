"""The items of a collection that are nearest an image, a vector or another item."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from brightfield.collections.adding import embedded, pictured
from brightfield.collections.index import CollectionIndexes
from brightfield.collections.montage import neighbor_montage
from brightfield.collections.queries import CollectionQueries, Search, watched
from brightfield.engine.engine import Engine
from brightfield.engine.view import View
from brightfield.errors import ConflictingParameter, EmptyBody
from brightfield.images import encode
from brightfield.images.selection import Selection
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket


@dataclass(frozen=True, slots=True)
class SearchExample:
    """What neighbours are looked for: an image's bytes, a vector of D values or an item's id.

    `view` and `selection` say how the image is looked at. Raises `EmptyBody` where none of the
    three is given, `ConflictingParameter` where several are.
    """

    image: bytes | None
    vector: Any
    item_id: str | None
    view: View
    selection: Selection
    name: str | None = None
    """Of the image's file, if it is known."""

    def __post_init__(self) -> None:
        given = {"image": self.image, "vector": self.vector, "id": self.item_id}
        count = sum(value is not None for value in given.values())
        listed = ", ".join(f"`{name}`" for name in given)
        if not count:
            raise EmptyBody(f"There is nothing to search for; send one of {listed}.")
        if count > 1:
            raise ConflictingParameter(f"Send one of {listed}, not several.")


class NeighborSearch:
    """Searches by example, of which an image is embedded first as the collection's items were."""

    def __init__(
        self, engine: Engine, queries: CollectionQueries, indexes: CollectionIndexes
    ) -> None:
        self._engine = engine
        self._queries = queries
        self._indexes = indexes

    async def find(
        self,
        name: str,
        search: Search,
        example: SearchExample,
        ticket: Ticket,
        progress: Progress | None,
    ) -> dict[str, Any]:
        """The neighbours as JSON. Raises as `CollectionIndexes.neighbors` and the engine do."""
        vectors = None if example.vector is None else [example.vector]
        thumbnail = None
        if example.image is not None and search.space == "pixels":
            thumbnail = await asyncio.to_thread(
                pictured, self._engine, example.image, example.selection, ticket
            )
        elif example.image is not None:
            vectors = await self._embedded(name, example.image, example, ticket)
        return await self._queries.off_loop(
            self._indexes.neighbors,
            name,
            search,
            vectors,
            example.item_id,
            thumbnail,
            watched(ticket, progress),
        )

    async def drawn(
        self, found: dict[str, Any], example: SearchExample, ticket: Ticket, *, legend: bool
    ) -> bytes:
        """What `find` found as a picture (PNG), beside the example."""
        query: bytes | str | None = example.item_id
        if example.image is not None:
            query = await asyncio.to_thread(
                pictured, self._engine, example.image, example.selection, ticket
            )
        items = self._queries.stores.items
        sheet = await asyncio.to_thread(
            neighbor_montage, items, found, query, name=example.name, legend=legend
        )
        return encode.png(sheet)

    async def _embedded(
        self, name: str, image: bytes, example: SearchExample, ticket: Ticket
    ) -> Any:
        """The vector of the image as the one row (1, D) that is searched for."""
        collection = await asyncio.to_thread(self._queries.stores.collections.get, name)
        row = await embedded(
            self._engine, collection, image, example.view, example.selection, ticket
        )
        return row[None]
