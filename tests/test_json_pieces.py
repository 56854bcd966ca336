"""JSON that is read in pieces is what orjson reads of it at once, and wrong where that is wrong."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson
import pytest

from brightfield import json_pieces


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pieces, "_PIECE", 7)


def anything(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 6 else 5)
    if kind < 2:
        return chance.choice([0, -1, 2.5, 1e300, True, False, None])
    if kind < 5:
        return "".join(chance.choices('ab\\"[]{},: \n\té\U0001f600', k=chance.randrange(12)))
    entries = range(chance.randrange(6))
    if kind < 7:
        return [anything(chance, depth + 1) for _ in entries]
    return {str(anything(chance, 9)): anything(chance, depth + 1) for _ in entries}


@pytest.mark.parametrize("seed", range(300))
def test_values_are_those_that_orjson_reads(seed: int) -> None:
    chance = random.Random(seed)
    indent = chance.choice([None, 0, 3])
    text = json.dumps(anything(chance), ensure_ascii=chance.random() < 0.5, indent=indent).encode()
    assert json_pieces.loads(text) == orjson.loads(text)
    assert json_pieces.count(text, b",") == text.count(b",")


@pytest.mark.parametrize("seed", range(300))
def test_what_is_no_json_stays_none(seed: int) -> None:
    """One byte is lost, doubled or changed."""
    chance = random.Random(seed)
    text = bytearray(json.dumps([anything(chance), anything(chance)]).encode())
    place = chance.randrange(len(text))
    text[place : place + 1] = chance.choice([b"", 2 * text[place : place + 1], b",", b"]", b'"'])
    try:
        expected = orjson.loads(bytes(text))
    except orjson.JSONDecodeError:
        with pytest.raises(orjson.JSONDecodeError):
            json_pieces.loads(bytes(text))
    else:
        assert json_pieces.loads(bytes(text)) == expected


def test_each_piece_is_read_by_whom_one_likes() -> None:
    text = b'{"scores": [0.5, NaN, 1, -Infinity], "more": {"deep": [[NaN]]}}'
    assert repr(json_pieces.loads(text, json.loads)) == repr(json.loads(text))
    with pytest.raises(ValueError):
        json_pieces.loads(text.replace(b"1,", b"1,,"), json.loads)
