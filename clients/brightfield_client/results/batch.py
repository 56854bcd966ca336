"""Several answers in one, each a result or an error."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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


class Batch(Listing[T | ItemError], Generic[T]):
    """The answers in the order in which the images were sent."""

    def __init__(self, items: Iterable[T | ItemError], raw: Json) -> None:
        self._all = tuple(items)
        self.raw = raw

    @property
    def _items(self) -> tuple[T | ItemError, ...]:
        return self._all

    @classmethod
    def from_json(cls, body: Json, parse: Callable[[Json], T]) -> Batch[T]:
        """The items of a batch's reply; `parse` reads one envelope."""
        if not isinstance(body.get("items"), list):
            raise UnexpectedReply("The reply to a batch has no items.")
        items = enumerate(body["items"])
        return cls([ItemError.of(index, item) or parse(item) for index, item in items], body)

    def to_dict(self) -> dict[str, Any]:
        """What the service said, ready for `json.dumps`."""
        return dict(self.raw)

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

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
