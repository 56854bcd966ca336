"""The search for patches over the images of a collection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from brightfield.collections.queries import CollectionQueries
from brightfield.engine.answer import MultiImageAnswer
from brightfield.engine.engine import Engine
from brightfield.engine.view import View
from brightfield.errors import InvalidParameter
from brightfield.images.selection import Selection
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.patches import FindPatches


class CollectedPatches:
    """What excites the units of a layer most, among the images that a collection keeps."""

    def __init__(self, engine: Engine, queries: CollectionQueries) -> None:
        self._engine = engine
        self._queries = queries

    async def find(
        self,
        name: str,
        task: FindPatches,
        conditions: Mapping[str, Any] | None,
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
    ) -> tuple[list[str], MultiImageAnswer]:
        """The ids of the items that pass, and one answer about their images, which are counted in
        that order. Without a named model the collection's looks.

        Raises `InvalidParameter` where the collection keeps no images, else as the engine.
        """
        found = await self._queries.off_loop(
            partial(self._queries.chosen, detailed=True), name, conditions
        )
        collection = found.snapshot.collection
        if not collection.properties.keep_images:
            raise InvalidParameter(
                f"The collection {name} keeps no images; make one with keep_images=true, or send "
                "the images to /patches."
            )
        items = self._queries.stores.items
        numbers = found.numbers.tolist()
        sources = [partial(items.image, collection.key, number) for number in numbers]
        looking = view.model_copy(update={"model": view.model or collection.properties.model})
        survey = await self._engine.answer_together(
            task, sources, looking, selection, ticket, progress
        )
        return [item.id for item in found.items], survey
