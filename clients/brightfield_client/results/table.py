"""Answers that are tables, and answers that are sequences."""

from __future__ import annotations

import csv
import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

from brightfield_client.optional import require

T = TypeVar("T")
Columns: TypeAlias = dict[str, Callable[[Any], Any]]
Cells: TypeAlias = tuple[Sequence[str], Iterable[Sequence[Any]]]
"""The names of the columns, and the rows."""


class Table(ABC):
    """What can be a table; the class says of what."""

    @abstractmethod
    def _table(self) -> Cells: ...

    def to_pandas(self) -> Any:
        """The table as a `DataFrame`. Raises `ImportError` where pandas is not installed."""
        names, rows = self._table()
        pandas = require("pandas", "to_pandas()", "brightfield[notebook]")
        return pandas.DataFrame(list(rows), columns=list(names))

    def _write_csv(self, file: Path) -> None:
        names, rows = self._table()
        with file.open("w", encoding="utf-8", newline="") as lines:
            table = csv.writer(lines)
            table.writerow(names)
            table.writerows(rows)


class Listing(Sequence[T]):
    """A sequence of `_items`."""

    @property
    @abstractmethod
    def _items(self) -> Sequence[T]: ...

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]


def columns(spec: str, scale: float | None = None) -> Columns:
    """Columns as `name` or `name=path`, with blanks between; numbers are multiplied by `scale`.

    A path has the attributes and places on the way to the value, as `centroid.x` or `ci.0`; the
    value is None where something on the way is.
    """
    pairs = (each.partition("=") for each in spec.split())
    return {name: partial(_value, (path or name).split("."), scale) for name, _, path in pairs}


def cells(found: Columns, things: Iterable[Any]) -> Cells:
    """A row for each thing."""
    return list(found), [[take(thing) for take in found.values()] for thing in things]


def _value(path: Sequence[str], scale: float | None, thing: Any) -> Any:
    for key in path:
        if thing is None:
            return None
        thing = thing[int(key)] if key.isdigit() else getattr(thing, key)
    return thing if scale is None else thing * scale


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are escaped."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
