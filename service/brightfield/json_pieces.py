"""Large JSON, read a piece at a time.

orjson keeps the interpreter's lock while it reads, and a text of 100 MB takes it half a second, in
which the event loop of the service stands still. So long lists and objects are cut at their commas,
and what lies between is read alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

_PIECE = 1 << 20  # bytes that are read at once
_DEEPEST = 4  # containers within each other that are cut
_QUOTE, _ESCAPE, _COMMA = b'"\\,'
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
_BLANKS = b" \t\r\n"
_BLANK_STEP = 1 << 12
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:', re.DOTALL)


def loads(data: bytes, read: Callable[[bytes], Any] = orjson.loads) -> Any:
    """As `read`, which is given each piece.

    Raises what that raises, for a large text without the place, and `orjson.JSONDecodeError`.
    """
    if len(data) <= _PIECE:
        return read(data)
    return _Text(data, read).value(0, len(data), 0)


def count(data: bytes, character: bytes) -> int:
    """How often the character occurs, counted a piece at a time as well."""
    return sum(
        data.count(character, start, start + _PIECE) for start in range(0, len(data), _PIECE)
    )


class _Text:
    """A text with its commas by depth, in order: those in strings don't count."""

    def __init__(self, data: bytes, read: Callable[[bytes], Any]) -> None:
        self._data = data
        self._read = read
        self._found: list[list[NDArray[np.int64]]] = [[] for _ in range(_DEEPEST)]
        self._depth, self._inside = 0, False
        escaped = False
        for start in range(0, len(data), _PIECE):
            block = np.frombuffer(data, np.uint8, min(_PIECE, len(data) - start), start)
            quotes, escaped = _quotes(block, escaped=escaped)
            self._scan(block, quotes, start)
        empty = np.empty(0, np.int64)
        self._commas = [np.concatenate((empty, *each)) for each in self._found]

    def _scan(self, block: NDArray[np.uint8], quotes: NDArray[np.bool_], start: int) -> None:
        if quotes.any():
            strings = np.bitwise_xor.accumulate(quotes) ^ self._inside
            self._inside = bool(strings[-1])
            block = np.where(strings, np.uint8(0), block)
        elif self._inside:
            return
        commas = np.flatnonzero(block == _COMMA)
        steps = _STEPS[block]
        depths = np.full(len(commas), self._depth, np.int64)
        if steps.any():
            levels = np.cumsum(steps, dtype=np.int64) + self._depth
            depths, self._depth = levels[commas], int(levels[-1])
        for level in range(_DEEPEST):
            self._found[level].append(commas[depths == level + 1] + start)

    def value(self, start: int, end: int, depth: int) -> Any:
        """That of a part of the text, `depth` containers deep."""
        start, end = self._trimmed(start, end)
        if end - start <= _PIECE or depth >= _DEEPEST:
            return self._read(self._data[start:end])
        kind = self._data[start : start + 1] + self._data[end - 1 : end]
        first, last = self._trimmed(start + 1, end - 1)
        if kind == b"[]" and first < last:
            return self._list(first, last, depth)
        if kind == b"{}" and first < last:
            return self._object(first, last, depth)
        return self._read(kind if kind in (b"[]", b"{}") else self._data[start:end])

    def _list(self, start: int, end: int, depth: int) -> list[Any]:
        found: list[Any] = []
        for first, last in self._groups(start, end, depth):
            if last - first > _PIECE:  # one long entry
                found.append(self.value(first, last, depth + 1))
            else:
                found.extend(self._read(b"[" + self._data[first:last] + b"]"))
        return found

    def _object(self, start: int, end: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for first, last in self._groups(start, end, depth):
            name = _NAME.match(self._data, first, last) if last - first > _PIECE else None
            if name is None:
                found.update(self._read(b"{" + self._data[first:last] + b"}"))
            else:
                found[self._read(name[1])] = self.value(name.end(), last, depth + 1)
        return found

    def _groups(self, start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
        """Neighbouring entries of up to a piece together, and each longer one alone."""
        commas = self._commas[depth]
        at, stop = np.searchsorted(commas, (start, end)).tolist()
        while at < stop:
            # The last comma within a piece, else the next one.
            last = max(at, int(np.searchsorted(commas[at:stop], start + _PIECE)) + at - 1)
            yield self._checked(start, int(commas[last]))
            start, at = int(commas[last]) + 1, last + 1
        yield self._checked(start, end)

    def _checked(self, start: int, end: int) -> tuple[int, int]:
        """Nothing between two commas is no entry."""
        if self._trimmed(start, end) == (end, end):
            raise orjson.JSONDecodeError("unexpected comma or end", "", 0)
        return start, end

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        """Without blanks at both ends; `(end, end)` where there is nothing else."""
        while piece := self._data[start : min(end, start + _BLANK_STEP)]:
            if rest := piece.lstrip(_BLANKS):
                start += len(piece) - len(rest)
                break
            start += len(piece)
        if start >= end:
            return end, end
        while True:
            first = max(start, end - _BLANK_STEP)
            if rest := self._data[first:end].rstrip(_BLANKS):
                return start, first + len(rest)
            end = first


def _quotes(block: NDArray[np.uint8], *, escaped: bool) -> tuple[NDArray[np.bool_], bool]:
    """Where strings begin or end, and whether the first byte after the block is escaped.

    A byte is escaped behind an odd number of escapes.
    """
    places = np.flatnonzero(block == _ESCAPE)
    if escaped:  # by one before the block
        places = np.concatenate(([-1], places))
    quotes = block == _QUOTE
    if not len(places):
        return quotes, False
    counted = np.arange(len(places))
    begins = np.diff(places, prepend=places[0] - 2) != 1
    length = counted - np.maximum.accumulate(np.where(begins, counted, 0)) + 1
    after = np.zeros(len(block) + 1, np.bool_)
    after[places[length % 2 == 1] + 1] = True
    return quotes & ~after[:-1], bool(after[-1])
