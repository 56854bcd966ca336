"""What an answer must offer, so that one place can write it in every format."""

from __future__ import annotations

import base64
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Map

Space = Literal["image", "input"]
"""The grid of a map: the image's pixels, or the model's own input."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name and rows of plain values."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Raster:
    """An array with named axes, as `YX` or `CYX`."""

    array: NDArray[Any]
    axes: str


@dataclass(frozen=True, slots=True)
class Heat:
    """A map over the image's pixels; outside `region` (x, y, width, height) it says nothing."""

    map: Map
    signed: bool
    region: tuple[float, float, float, float]


class Result(ABC):
    """An answer. `formats` names what it can be written as; JSON is always among them."""

    formats: ClassVar[tuple[str, ...]] = ("json",)

    @abstractmethod
    def payload(self, space: Space) -> dict[str, Any]:
        """The `result` member of the JSON envelope."""

    def table(self) -> Table:
        """For `csv`."""
        raise TypeError(f"{type(self).__name__} has no table")

    def raster(self, space: Space) -> Raster:
        """For `npy` and `tiff`."""
        raise TypeError(f"{type(self).__name__} has no raster")

    def heat(self) -> Heat:
        """For `png` and `overlay`."""
        raise TypeError(f"{type(self).__name__} has no map to draw")


def array_json(array: NDArray[Any]) -> dict[str, Any]:
    """An array for JSON: shape, dtype and base64 of its bytes, little-endian, in C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"shape": list(little.shape), "dtype": str(little.dtype.name), "data": data}


def finite(value: float) -> float | None:
    """A number that JSON can hold: NaN and infinities become null."""
    return float(value) if math.isfinite(value) else None
