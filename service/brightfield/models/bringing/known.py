"""Which known networks have such names and shapes: an index, since building all takes minutes.

`docs/known_networks.py` writes it. It only says what to try: a network is recognised if it fits
once it is built, so an index of another version of a library recognises less and nothing wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from zlib import crc32

from brightfield.models.bringing.shapes import TensorShapes

INDEX = Path(__file__).with_name("known_networks.json")
# Where torchvision's classifiers have their heads, whatever stands in their place.
HEADS = ("fc", "classifier", "head", "heads")


def names_alike(there: Iterable[str], heads: Iterable[str] = HEADS) -> str:
    """A digest of the names without those of the head."""
    return _digest(sorted(name for name in there if not under(name, heads)))


def shapes_alike(there: TensorShapes, varying: Iterable[str]) -> str:
    """A digest of names and shapes without those of the layers that `varying` names."""
    kept = (f"{name}{list(shape)}" for name, shape in there.items() if not under(name, varying))
    return _digest(sorted(kept))


def under(name: str, layers: Iterable[str]) -> bool:
    """Whether a tensor belongs to one of the layers, or to what is in them."""
    return any(name.startswith(f"{layer}.") for layer in layers)


@cache
def known() -> dict[str, dict[str, str]]:
    """The digest of every network, by library (`smp` has that of its encoders) and name."""
    content: dict[str, dict[str, str]] = json.loads(INDEX.read_text(encoding="utf-8"))
    return content


def _digest(lines: list[str]) -> str:
    text = "\n".join(lines)
    return f"{crc32(text.encode()):08x}"
