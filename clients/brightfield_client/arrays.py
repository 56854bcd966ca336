"""Arrays as JSON carries them: {"shape", "dtype", "data": base64, little-endian, C order}."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from brightfield_client.errors import UnexpectedReply

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.floating[Any]]


def decode_array(value: Mapping[str, Any]) -> Array:
    """The array in its own dtype, writable and in the machine's byte order."""
    try:
        dtype = np.dtype(value["dtype"])
        content = base64.b64decode(value["data"], validate=True)
        array = np.frombuffer(content, dtype.newbyteorder("<")).reshape(tuple(value["shape"]))
    except (KeyError, TypeError, ValueError, binascii.Error) as fault:
        raise UnexpectedReply(f"An array in the reply cannot be read: {fault}") from fault
    return array.astype(dtype)


def numbers(values: Any) -> npt.NDArray[np.float64]:
    """Nested lists of numbers as float64; null, which stands for NaN, becomes NaN."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise UnexpectedReply(f"A list of numbers in the reply cannot be read: {fault}") from fault


def plain(value: Any) -> Any:
    """What JSON does not know: NumPy's values, and the text that pycocotools has as bytes."""
    return value.decode("ascii") if isinstance(value, bytes) else value.tolist()
