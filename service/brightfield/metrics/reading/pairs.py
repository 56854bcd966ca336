"""Pairs of a truth and what is judged by it, as segmentation and restoration send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from brightfield.errors import (
    ConflictingParameter,
    InvalidParameter,
    InvalidRows,
    UnknownParameter,
    nearest,
)
from brightfield.metrics.reading.by_columns import COLUMNS, read_columns, sent_columns
from brightfield.metrics.reading.columns import names, wrong_row
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.reading.rows import Excluded, MissingReason, codes
from brightfield.metrics.statistics.resampling import Codes


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as it came; `row` is its place, from 0."""

    row: int
    id: str | None
    group: str | None
    truth: Any
    judged: Any
    chunk: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Its values in the columns by which there are numbers."""

    @property
    def complete(self) -> bool:
        return self.truth is not None and self.judged is not None

    @property
    def bare(self) -> Pair:
        """The pair without its images."""
        return replace(self, truth=None, judged=None)

    def name(self) -> dict[str, Any]:
        """What a reader knows the pair by."""
        if self.id is not None:
            return {"id": self.id}
        return {"row": self.row} if self.chunk is None else {"chunk": self.chunk, "row": self.row}

    def excluded(self, reason: MissingReason, detail: str | None = None) -> Excluded:
        """The pair as one that was left out."""
        return Excluded(self.row, reason, self.id, self.chunk, detail)


def read_pairs(
    data: Mapping[str, Any],
    members: tuple[str, str],
    chunk: str | None = None,
    by: Sequence[str] = (),
) -> list[Pair]:
    """The pairs as they came; `members` are the truth's name, and that of what is judged.

    Groups are a member `group` of each pair, or the list `groups` beside `pairs`; so are the
    columns that `by` names members of each pair, or lists in `columns`. Raises `InvalidRows` with
    the row.
    """
    pairs = data.get("pairs")
    if not isinstance(pairs, list):
        raise InvalidParameter(f'Send `pairs`: a list of {{"id", "{members[0]}", "{members[1]}"}}.')
    own = tuple(name for name in by if name != "group")
    found = [
        replace(_pair(entry, row, (*members, *own)), chunk=chunk) for row, entry in enumerate(pairs)
    ]
    found = _grouped(found, data.get("groups"))
    _check_ids(found)
    return _with_columns(found, data, by) if found else found


def _with_columns(pairs: list[Pair], data: Mapping[str, Any], by: Sequence[str]) -> list[Pair]:
    """The pairs with their values in the columns that `by` names."""
    inside: dict[str, Any] = {
        name: [entry.get(name) for entry in data["pairs"]]
        for name in by
        if any(name in entry for entry in data["pairs"])
    }
    groups = [pair.group for pair in pairs]
    given = {**inside, **sent_columns(data)}
    known = {COLUMNS: given, "groups": groups if any(groups) else None}
    columns = read_columns(known, by, len(pairs))
    texts = {name: column.texts for name, column in columns.items()}
    return [
        replace(pair, columns={name: texts[name][place] for name in texts})
        for place, pair in enumerate(pairs)
    ]


def by_columns(pairs: Sequence[Pair], by: Sequence[str]) -> dict[str, Groups]:
    """The columns of `by`, of these pairs."""
    return {name: Groups.of([pair.columns.get(name) for pair in pairs]) for name in by}


def group_codes(pairs: list[Pair]) -> Codes | None:
    """A code for each pair's group, or None where there are no groups."""
    found = [pair.group for pair in pairs if pair.group is not None]
    return codes(found) if found else None


class OfPair(Protocol):
    """What a pair gave."""

    @property
    def pair(self) -> Pair: ...


def group_count(cases: Sequence[OfPair]) -> int | None:
    """How many groups the pairs of these have, None where there are no groups."""
    found = {case.pair.group for case in cases} - {None}
    return len(found) or None


def _pair(entry: Any, row: int, members: tuple[str, ...]) -> Pair:
    known = ("id", "group", *members)
    if not isinstance(entry, dict):
        raise wrong_row("pairs", row, f"an object with {' and '.join(members)} is expected", entry)
    for name in entry:
        if name not in known:
            raise UnknownParameter(
                f"Pair {row} has a member {name!r}; it has {', '.join(known)}."
                f"{nearest(name, known)}",
                errors=[{"location": f"pairs.{row}.{name}", "row": row}],
            )
    text = {}
    for name in ("id", "group"):
        value = entry.get(name)
        if not isinstance(value, int | str | None) or isinstance(value, bool):
            raise wrong_row(f"pairs.{name}", row, "a text or an integer is expected", value)
        text[name] = None if value is None or value == "" else str(value)
    return Pair(row, text["id"], text["group"], entry.get(members[0]), entry.get(members[1]))


def _grouped(pairs: list[Pair], groups: Any) -> list[Pair]:
    if groups is None:
        return pairs
    if any(pair.group is not None for pair in pairs):
        raise ConflictingParameter(
            "Groups came in the pairs and in `groups`; send one of them.",
            errors=[{"location": "groups"}],
        )
    found = names(groups, "groups")
    if len(found) != len(pairs):
        raise InvalidRows(
            f"There are {len(pairs)} pairs and {len(found)} groups; send one for each pair.",
            errors=[{"location": "groups", "row": min(len(found), len(pairs))}],
        )
    return [replace(pair, group=group) for pair, group in zip(pairs, found, strict=True)]


def _check_ids(pairs: list[Pair]) -> None:
    known: dict[str | None, int] = {}
    for pair in pairs:
        first = known.setdefault(pair.id, pair.row)
        if pair.id is not None and first != pair.row:
            raise InvalidRows(
                f"Pairs {first} and {pair.row} have the same id {pair.id!r}; give each its own.",
                errors=[{"location": f"pairs.{pair.row}.id", "row": pair.row}],
            )
    if None in known and len(known) > 1:
        row = known[None]
        raise InvalidRows(
            f"Pair {row} has no id and others have one; give each its own, or none any.",
            errors=[{"location": f"pairs.{row}.id", "row": row}],
        )
