"""A column that says what each row is of, by which copies are recognised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from brightfield.images.picture import Note
from brightfield.metrics.reading.by_columns import COLUMNS
from brightfield.metrics.reading.groups import Groups

DIGEST = "digest"
"""Its name. A value is the SHA-256 of an image, or any text that is the same for the same one."""


def with_digests(data: Mapping[str, Any], by: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that are read: those of `by`, and the digests where there are any."""
    given = data.get(COLUMNS)
    known = isinstance(given, Mapping) and DIGEST in given and DIGEST not in (by or ())
    return (*(by or ()), *([DIGEST] if known else ()))


class WithColumns(Protocol):
    """Rows with columns beside those that every data set has."""

    @property
    def n(self) -> int: ...
    @property
    def by(self) -> Mapping[str, Groups]: ...


def copies(rows: WithColumns) -> Iterator[Note]:
    """Of rows about the very same image, which say nothing new."""
    groups = rows.by.get(DIGEST)
    if groups is None:
        return
    known = groups.codes[groups.codes >= 0].tolist()
    repeated = len(known) - len(set(known))
    if repeated:
        yield Note(
            "repeated_rows",
            f"{repeated:,} of {rows.n:,} rows have the digest of another row. Copies make "
            "intervals too narrow; leave them out, or send `groups`.",
        )
