"""Several answers in one, each a result or an error."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from brightfield_client.errors import ApiError, UnexpectedReply, api_error
from brightfield_client.results.table import Listing
from brightfield_client.results.value import Json, Value

T = TypeVar("T")


@dataclass(frozen=True)
class ItemError(Value):
    """What stands in a batch where an image failed; its neighbours are not touched."""

    index: int
    error: ApiError

    @classmethod
    def of(cls, index: int, entry: Json) -> ItemError | None:
        """The error in an entry of a reply; None where it is an answer."""
        problem = entry.get("error")
        if problem is None:
            return None
        return cls(index, api_error(int(problem.get("status", 500)), problem))

    @property
    def code(self) -> str:
        return self.error.code

    @property
    def detail(self) -> str:
        return self.error.detail


@dataclass(frozen=True, eq=False, repr=False)
class Batch(Value, Listing[T | ItemError], Generic[T]):
    """The answers in the order in which the images were sent."""

    answers: tuple[T | ItemError, ...]
    raw: Json

    @property
    def _items(self) -> tuple[T | ItemError, ...]:
        return self.answers

    @classmethod
    def of(cls, body: Json, parse: Callable[[Json], T]) -> Batch[T]:
        """The items of a batch's reply; `parse` reads one envelope."""
        if not isinstance(body.get("items"), list):
            raise UnexpectedReply("The reply to a batch has no items.")
        items = enumerate(body["items"])
        found = (ItemError.of(index, item) or parse(item) for index, item in items)
        return cls(tuple(found), body)

    @property
    def results(self) -> list[T]:
        """The answers alone, without the failed images."""
        return [item for item in self._items if not isinstance(item, ItemError)]

    @property
    def errors(self) -> list[ItemError]:
        """The failed images alone."""
        return [item for item in self._items if isinstance(item, ItemError)]

    def raise_for_item(self) -> list[T]:
        """All answers; raises the first image's error if any failed."""
        for failed in self.errors:
            failed.error.add_note(f"image {failed.index} of {len(self)}")
            raise failed.error
        return self.results

    def __repr__(self) -> str:
        return f"Batch({len(self.results)} answers, {len(self.errors)} errors)"

    def _repr_html_(self) -> str:
        cells = [getattr(item, "_repr_html_", None) for item in self._items]
        parts = [
            cell() if cell else html.escape(repr(item))
            for cell, item in zip(cells, self._items, strict=True)
        ]
        return "<ol start=0>" + "".join(f"<li>{part}</li>" for part in parts) + "</ol>"
