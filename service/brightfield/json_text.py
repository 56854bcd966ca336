"""JSON that callers write, read within bounds."""

from __future__ import annotations

import json
from typing import Any

import orjson

from brightfield import json_pieces
from brightfield.errors import TooManyValues

# What Python keeps for a list or an object with little in it, for a number or short text with its
# place in a list, and what all of them may have together: the text itself comes on top.
_CONTAINER, _VALUE = 200, 32
_DIGITS = 19
MOST_BYTES = 160 * 10**6


def parse_json(text: bytes | str, *, nan: bool = False, most_bytes: int = MOST_BYTES) -> Any:
    """The value of a JSON text. `nan` reads NaN and Infinity, too, which Python writes.

    How many values there are at most is counted before any of them is made: brackets and commas.
    Raises `TooManyValues` where they would take more than about `most_bytes`, and `ValueError`
    for what isn't JSON, is nested more than some 1,000 deep, or holds half a surrogate.
    """
    data = text.encode() if isinstance(text, str) else text
    containers = json_pieces.count(data, b"[") + json_pieces.count(data, b"{")
    if containers * _CONTAINER + json_pieces.count(data, b",") * _VALUE > most_bytes:
        raise TooManyValues(
            "The JSON has too many values to be read at once; send less at a time, or arrays as "
            ".npy or NPZ."
        )
    try:
        return json_pieces.loads(data)
    except orjson.JSONDecodeError:
        if nan and (b"NaN" in data or b"Infinity" in data):
            return json_pieces.loads(data, _with_nan)
        raise


def _with_nan(data: bytes) -> Any:
    """As Python reads it, some ten times slower than orjson."""
    try:
        document = json.loads(data, parse_int=_number)
        # Half a pair of surrogates, which Python reads as well, isn't text.
        if b"\\u" in data:
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return document


def _number(text: str) -> int | float:
    """As orjson: a number, not digits without end."""
    return int(text) if len(text) < _DIGITS else float(text)
