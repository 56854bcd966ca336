"""What an answer must offer, so that one place can write it in every format."""

from __future__ import annotations

import base64
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Pixels

MapSpace = Literal["image", "input"]
"""The grid of a map: the image's pixels, or the model's own input."""


@dataclass(frozen=True, slots=True)
class ResultTable:
    """Columns by name and rows of plain values."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Raster:
    """An array with named axes, as `YX` or `CYX`, of `finer` pixels for each one of the image.

    `spacing` is micrometres from plane to plane along Z, None where it is unknown; `origin` (x, y)
    the place of its corner in a larger image, in its own pixels.
    """

    array: NDArray[Any]
    axes: str
    finer: int = 1
    spacing: float | None = None
    origin: tuple[float, float] = (0.0, 0.0)


class Remark(Protocol):
    """As a warning has it: a stable code, and a sentence for people."""

    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...


class Result(ABC):
    """An answer. `formats` names what it can be written as; JSON is always among them."""

    formats: ClassVar[tuple[str, ...]] = ("json",)
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The formats that use a parameter of the reply, as `alpha`; those not listed use none."""

    @abstractmethod
    def payload(self, space: MapSpace) -> dict[str, Any]:
        """The `result` member of the JSON envelope."""

    def table(self) -> ResultTable:
        """For `csv`."""
        raise TypeError(f"{type(self).__name__} has no table")

    def raster(self, space: MapSpace) -> Raster:
        """For `npy` and `tiff`."""
        raise TypeError(f"{type(self).__name__} has no raster")

    def named(self, names: Sequence[str | None]) -> Result:
        """The same, of images whose files have these names, which its pictures show."""
        return self

    @property
    def diameters(self) -> Sequence[float] | None:
        """How large the objects are that it names one by one, in pixels of the image: sides of
        squares as large as their boxes, which are a disc's diameter. None if it names none."""
        return None

    @property
    def means(self) -> Sequence[tuple[float | None, ...]] | None:
        """The mean intensity of each object in each channel of the image, in the image's own
        values. None if it measures none."""
        return None

    profile: bytes | None = None
    """The ICC profile of its colours, where it is an image."""

    @property
    def numbers(self) -> dict[str, float]:
        """Numbers of the whole result, which binary replies carry as headers `X-Name`."""
        return {}

    @property
    def kind(self) -> str:
        """For `image`: the format, of `png` and `tiff`, that suits the result."""
        raise TypeError(f"{type(self).__name__} is no image")

    def image(self) -> Pixels:
        """For `png`: (H, W) or (H, W, C) of 8 or 16 bit."""
        raise TypeError(f"{type(self).__name__} is no image")

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        """For `overlay`: drawn on the (H, W, 3) picture, at most `alpha` opaque."""
        raise TypeError(f"{type(self).__name__} cannot be drawn")

    def in_larger(self, offset: tuple[float, float], downsample: float) -> Result:
        """The same in pixels of a larger image, of which this one's corner lies at `offset` (x, y)
        and a pixel is `downsample` pixels wide; for the formats that use `offset`."""
        raise TypeError(f"{type(self).__name__} cannot be placed")

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        """The drawn picture with a legend below it, for the formats that use `legend`; `title` has
        lines about what is shown."""
        raise TypeError(f"{type(self).__name__} has no legend")

    def zoomed(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of its drawn picture that says something, enlarged; for `zoom`."""
        raise TypeError(f"{type(self).__name__} has no part to zoom to")

    def beside(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """For `beside`: the result next to what it is compared with, of the image's `pixels`."""
        raise TypeError(f"{type(self).__name__} is compared with nothing")

    @property
    def about(self) -> dict[str, str]:
        """What the result is about, by short names: `target`, `layer`, `scale`. Binary replies say
        it in headers, PNG and TIFF files in themselves, too."""
        return {}

    @property
    def colors(self) -> dict[str, str]:
        """What the colours of its picture stand for: `scale`, the values at their ends."""
        return {}

    def left_out(self, form: str) -> Sequence[Remark]:
        """What a format leaves out for want of room; for the answer's warnings."""
        return ()

    def geojson(self) -> dict[str, Any]:
        """For `geojson`: a feature collection."""
        raise TypeError(f"{type(self).__name__} has no objects")

    def coco(self, name: str | None) -> dict[str, Any]:
        """For `coco`: a data set; `name` is that of the image's file, if it is known."""
        raise TypeError(f"{type(self).__name__} has no objects")

    def rois(self) -> bytes:
        """For `rois`: a zip for ImageJ's ROI Manager."""
        raise TypeError(f"{type(self).__name__} has no objects")


def array_json(array: NDArray[Any]) -> dict[str, Any]:
    """An array for JSON: shape, dtype and base64 of its bytes, little-endian, in C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"shape": list(little.shape), "dtype": str(little.dtype.name), "data": data}


def map_json(array: NDArray[Any], *, signed: bool) -> dict[str, Any]:
    """One or several maps for JSON: the array, whether it is `signed`, and its range as `min` and
    `max`, which are null where a value is no number and 0 where there is none."""
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    return {**array_json(array), "signed": signed, "min": finite(low), "max": finite(high)}


def finite(value: float) -> float | None:
    """A number that JSON can hold: others become null, and are counted (`counting_nulls`)."""
    if math.isfinite(value):
        return float(value)
    nulls = _nulls.get()
    if nulls is not None:
        nulls.count += 1
    return None


class Nulls:
    """How many numbers became null within its block because JSON holds finite ones only."""

    __slots__ = ("_token", "count")

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._token = _nulls.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _nulls.reset(self._token)


_nulls: ContextVar[Nulls | None] = ContextVar("nulls", default=None)


def counting_nulls() -> Nulls:
    """Within it the numbers are counted that `finite` makes null, so nobody gets one without a
    word."""
    return Nulls()
