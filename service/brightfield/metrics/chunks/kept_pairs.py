"""Pairs of images as a chunk of a run keeps them: what was measured, without the pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from brightfield.metrics.chunks.chunk import json_text
from brightfield.metrics.reading.pairs import Pair
from brightfield.metrics.reading.rows import MissingReason


class Case(Protocol):
    """What a pair gives; its pixels are gone."""

    @property
    def pair(self) -> Pair: ...

    @property
    def sha256(self) -> str:
        """Of shape and pixels, as the evaluation reads them."""

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""

    def kept(self) -> dict[str, Any]:
        """What was measured, ready for JSON, in which floats keep every bit."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A pair of which nothing can be measured, and why; `sha256` is of what it has, and `detail`
    says what is wrong with one that cannot be read."""

    pair: Pair
    sha256: str
    reason: MissingReason
    detail: str | None = None

    @classmethod
    def incomplete(cls, pair: Pair) -> LeftOut:
        """A pair that lacks an image. Nobody reads the other, so it counts as it was sent."""
        return cls(pair.bare, _sent(pair), "missing_image")

    @classmethod
    def unreadable(cls, pair: Pair, detail: str) -> LeftOut:
        """A pair that is wrong; it counts as it was sent."""
        return cls(pair.bare, _sent(pair), "unreadable", detail)


def _sent(pair: Pair) -> str:
    return hashlib.sha256(json_text([pair.truth, pair.judged])).hexdigest()


Recall = Callable[[Pair, str, Mapping[str, Any]], Case]
"""From a pair, its digest and what was kept of it to the case."""


def packed(found: Case | LeftOut) -> dict[str, Any]:
    """A pair as a chunk keeps it. Its place is that in the chunk."""
    pair = found.pair
    known = {"id": pair.id, "group": pair.group, "sha256": found.sha256, **_columns(pair)}
    if isinstance(found, LeftOut):
        return {**known, "left_out": found.reason, "detail": found.detail}
    return {**known, "case": found.kept()}


def _columns(pair: Pair) -> dict[str, Any]:
    return {"columns": dict(pair.columns)} if pair.columns else {}


def unpacked(
    entries: Sequence[Mapping[str, Any]], chunk: str, count: int, recall: Recall
) -> list[Case | LeftOut]:
    """The pairs of the chunk of this key, which has `count` of them."""
    if len(entries) != count:
        raise ValueError(f"{len(entries)} pairs of {count}")
    return [_unpacked(entry, row, chunk, recall) for row, entry in enumerate(entries)]


def _unpacked(entry: Mapping[str, Any], row: int, chunk: str, recall: Recall) -> Case | LeftOut:
    known = entry["id"], entry["group"]
    pair = Pair(row, *known, None, None, chunk, entry.get("columns", {}))
    if "left_out" in entry:
        return LeftOut(pair, entry["sha256"], entry["left_out"], entry.get("detail"))
    return recall(pair, entry["sha256"], entry["case"])


def content(found: Sequence[Case | LeftOut]) -> list[list[Any]]:
    """What was sent, however it was encoded: of each pair in order its id, its group, the digest of
    its pixels, why it is left out, and its columns."""
    return [
        [
            each.pair.id,
            each.pair.group,
            each.sha256,
            each.reason if isinstance(each, LeftOut) else None,
            *([dict(each.pair.columns)] if each.pair.columns else []),
        ]
        for each in found
    ]
