"""Feature vectors as arrays: finite rows of one length, checked where they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidVectors

Vectors = NDArray[np.float32]
"""(N, D) finite values, in C order; what is computed from them alone may be float64, too."""

Points = NDArray[np.float32]
"""(N, 2) or (N, 3): places on a map."""

LARGEST = 1e15
"""The largest magnitude of a value: products of such vectors stay within float32."""

FLOAT16_MOST = 65504.0
"""The largest magnitude that float16 holds."""

_MOST_NAMED = 20


def checked(given: Any, dim: int | None = None) -> Vectors:
    """Rows as (N, D) float32 in C order.

    Raises `InvalidVectors` for anything but a table of numbers, for a length other than `dim`,
    and for NaN, infinities and values beyond 1e15, with the rows that have them.
    """
    try:
        _check_numbers(given)
        rows = np.asarray(given, np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InvalidVectors(
            "Vectors are rows of numbers, all of one length; send for example [[0.1, 0.2]]."
        ) from None
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InvalidVectors(f"Vectors are N rows of D numbers, not an array of {rows.shape}.")
    if dim is not None and rows.shape[1] != dim:
        raise InvalidVectors(
            f"The vectors have {rows.shape[1]} values and those of the collection {dim}; send "
            "vectors of the collection's model and layer, or make another collection."
        )
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(rows, np.float32)
    wrong = np.flatnonzero(~(np.abs(rows) <= LARGEST).all(axis=1))
    if wrong.size:
        raise InvalidVectors(
            f"{wrong.size} of {len(vectors)} vectors have values that are not finite, or beyond "
            f"{LARGEST:g}; leave them out or correct them.",
            errors=[{"location": f"vectors.{row}"} for row in wrong[:_MOST_NAMED].tolist()],
        )
    return vectors


def _check_numbers(given: Any) -> None:
    """Raises `ValueError` for texts and booleans, which NumPy takes for numbers."""
    if isinstance(given, list):
        kinds = {type(value) for row in given if isinstance(row, list) for value in row}
        if kinds & {bool, str}:
            raise ValueError(kinds)


def unit(vectors: Vectors) -> Vectors:
    """Every row scaled to Euclidean length 1; a row of zeros stays as it is."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    lengths[lengths == 0] = 1
    scaled: Vectors = (vectors / lengths[:, None]).astype(vectors.dtype)
    return scaled
