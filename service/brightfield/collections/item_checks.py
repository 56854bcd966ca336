"""What an item may be: its id, its metadata and the values of its vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vectors import FLOAT16_MOST
from brightfield.errors import InvalidParameter, InvalidVectors
from brightfield.names import check_name
from brightfield.store.collections import Collection
from brightfield.store.metadata_filter import is_scalar

_LONGEST_ID = 512


def check_storable(collection: Collection, vectors: NDArray[np.float32]) -> None:
    """Raises `InvalidVectors` for values that the collection's dtype does not hold."""
    if collection.properties.dtype == "float16" and np.abs(vectors).max(initial=0) > FLOAT16_MOST:
        raise InvalidVectors(
            f"float16 holds values up to {FLOAT16_MOST:g}; make a collection of float32."
        )


def check_id(item_id: str) -> str:
    """Raises `InvalidParameter` for what cannot be an id."""
    check_name("ids", item_id, _LONGEST_ID)
    if item_id.endswith("/thumbnail"):
        raise InvalidParameter(
            f"The id {item_id[:80]!r} ends in /thumbnail, which is the address of an item's small "
            "picture; choose another.",
            errors=[{"location": "ids", "received": item_id[:80]}],
        )
    return item_id


def check_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `InvalidParameter` for what is not flat."""
    if not isinstance(metadata, Mapping) or not all(
        isinstance(key, str) and is_scalar(value) for key, value in metadata.items()
    ):
        raise InvalidParameter(
            "Metadata are an object of texts, numbers, booleans and null, without lists and "
            "objects in it.",
            errors=[{"location": "metadata", "received": str(metadata)[:80]}],
        )
    return dict(metadata)
