"""What collections hold: listed, looked up and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from brightfield.collections.adding import CollectionStores
from brightfield.errors import InvalidParameter, UnknownItem
from brightfield.parameters import Parameters
from brightfield.store.collections import Collection
from brightfield.store.item_queries import StoredItem
from brightfield.store.metadata_filter import Filter
from brightfield.store.replacement import Replacements

Conditions = Mapping[str, Any] | None
"""A filter on the metadata, as `ItemSelection.filter` describes it; None: all items pass."""


class Replacement(Parameters):
    """Which collection takes another's place."""

    by: str
    """Name of the collection that takes the place and the name."""
    changes: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """`changes` of the collection that is replaced, as it was when the other began to be filled; if
    it has changed since, nothing happens. Default: only ids and metadata are compared."""


@dataclass(frozen=True, slots=True)
class ListedItems:
    """Some items in the order of their addition, the number to go on behind (None: that is all),
    and how many items the collection has, filter or not."""

    items: list[StoredItem]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class ItemWithVector:
    """An item and its vector of D values."""

    item: StoredItem
    vector: list[float]


class CollectionContents:
    """Collections and their items as they stand in the store.

    Every method blocks. Raises `UnknownCollection` wherever a collection is named, `UnknownItem`
    for an item that isn't there, and `InvalidParameter` for conditions that mean nothing.
    """

    def __init__(self, stores: CollectionStores, replacements: Replacements) -> None:
        self._stores = stores
        self._replacements = replacements

    def all(self) -> list[Collection]:
        """Every collection, by name."""
        return self._stores.collections.all()

    def get(self, name: str) -> Collection:
        return self._stores.collections.get(name)

    def delete(self, name: str) -> None:
        """Delete a collection with its items, projections and index."""
        self._stores.vectors.forget(self._stores.collections.delete(name).key)

    def replace(self, name: str, replacement: Replacement) -> Collection:
        """Let another collection take the place of this one, which is deleted.

        Raises as `Replacements.replace` does.
        """
        replaced = self._replacements.replace
        now, former = replaced(name, replacement.by, replacement.changes)
        self._stores.vectors.forget(former)
        return now

    def page(self, name: str, conditions: Conditions, after: int, limit: int) -> ListedItems:
        """At most `limit` of the items behind the number `after` that pass."""
        wanted = Filter.read(conditions)
        with self._stores.items.moment(name) as moment:
            passing = (item for item in moment.items(after) if wanted(item.metadata))
            found = list(islice(passing, limit))
        more = found[-1].number if len(found) == limit else None
        return ListedItems(found, more, moment.collection.size)

    def item(self, name: str, item_id: str) -> ItemWithVector:
        with self._stores.items.moment(name) as moment:
            item = moment.get(item_id)
            return ItemWithVector(item, moment.vector(item).tolist())

    def thumbnail(self, name: str, item_id: str) -> bytes:
        """The JPEG of an item. Raises `UnknownItem` for one that was added as a vector, too."""
        with self._stores.items.moment(name) as moment:
            found = moment.thumbnail(moment.get(item_id))
        if found is None:
            raise UnknownItem(f"The item {item_id!r} was added as a vector and has no thumbnail.")
        return found

    def delete_items(self, name: str, ids: Sequence[str] | None, conditions: Conditions) -> int:
        """Delete the items of these ids, or those that pass; how many there were.

        Raises `InvalidParameter` unless exactly one of the two is given.
        """
        if (ids is None) == (not conditions):
            raise InvalidParameter("Name the items to delete by `ids` or by a `filter`.")
        if ids is None:
            return self._stores.items.delete_passing(name, Filter.read(conditions))
        return self._stores.items.delete(name, ids)

    def delete_item(self, name: str, item_id: str) -> None:
        if not self._stores.items.delete(name, [item_id]):
            raise UnknownItem(f"The collection {name} has no item {item_id!r}.")
