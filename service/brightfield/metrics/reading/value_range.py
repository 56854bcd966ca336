"""From which to which value images go: stated, or told by the type of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field

from brightfield.errors import InvalidRows
from brightfield.images.picture import Note
from brightfield.metrics.reading.pictures import ReadImage
from brightfield.parameters import NUMBER, written

_ADVICE = "send data_range, such as data_range=1 or data_range=-1,1"


def _bounds(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, int | float):
        value = [value]
    if isinstance(value, list | tuple) and len(value) == 1:
        return (0.0, value[0])
    return value


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("a range is the greatest value, or the least and the greatest")
    return value


_Finite = Annotated[float, Field(allow_inf_nan=False)]

DataRange = Annotated[
    tuple[_Finite, _Finite],
    BeforeValidator(_bounds),
    AfterValidator(_ascending),
    written(
        "float | Sequence[float]",
        {"pattern": rf"^{NUMBER}(,{NUMBER})?$", "examples": ["1", "4095", "-1,1"]},
        {"type": "number"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 2},
    ),
]
"""The greatest value, from 0 on, or the least and the greatest: `1`, `-1,1` or `[-1, 1]`."""


@dataclass(frozen=True, slots=True)
class ValueRange:
    """From `low` to `high`; `assumed` where numbers of JSON were taken for 8 bits."""

    low: float
    high: float
    assumed: bool = False

    @property
    def span(self) -> float:
        """The L of PSNR and SSIM."""
        return self.high - self.low


_EIGHT_BITS = ValueRange(0.0, 255.0, assumed=True)


def range_of(reference: ReadImage, image: ReadImage, row: int) -> ValueRange:
    """What integers of 8 or 16 bits can hold. Raises `InvalidRows` for other types, which do not
    tell, and for two types."""
    found = [
        _of_type(each, name, row) for each, name in ((reference, "reference"), (image, "image"))
    ]
    if found[0] != found[1]:
        types = " and ".join(str(each.pixels.dtype) for each in (reference, image))
        raise _refused(
            "reference",
            row,
            f"The images of pair {row} are {types}, which hold other values; {_ADVICE}.",
        )
    return found[0]


def _of_type(image: ReadImage, name: str, row: int) -> ValueRange:
    dtype = image.pixels.dtype
    if not image.typed and dtype.kind in "iub":
        return _EIGHT_BITS
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        info = np.iinfo(dtype)
        return ValueRange(float(info.min), float(info.max))
    raise _refused(
        name,
        row,
        f"`{name}` of pair {row} has numbers of {dtype}, which does not tell from which to which "
        f"value they go; {_ADVICE}.",
    )


def check_within(pixels: NDArray[Any], bounds: ValueRange, name: str, row: int) -> None:
    """Raises `InvalidRows` for values outside of the range."""
    low, high = pixels.min(initial=0), pixels.max(initial=0)
    if bounds.low <= low and high <= bounds.high:
        return
    raise _refused(
        name,
        row,
        f"`{name}` of pair {row} has values from {low:g} to {high:g}, beyond the range from "
        f"{bounds.low:g} to {bounds.high:g}; clip them, or {_ADVICE}.",
    )


def _refused(name: str, row: int, message: str) -> InvalidRows:
    return InvalidRows(message, errors=[{"location": f"pairs.{row}.{name}", "row": row}])


def range_notes(
    bounds: ValueRange, greatest: Sequence[float | None], *, stated: bool
) -> list[Note]:
    """Of images that use hardly any of the range, as those of 12 bits in files of 16; of a stated
    range only where all values lie within 1."""
    known = [value for value in greatest if value is not None]
    reached = max(known, default=0.0)
    highest = max(abs(bounds.low), abs(bounds.high))
    dark = reached <= 1 < highest if stated else reached < highest / 4
    if not dark or not reached or len(known) < len(greatest):
        return []
    return [
        Note(
            "range_hardly_used",
            f"The values of all images reach {reached:g} and the range goes to {highest:g}, so "
            "PSNR and SSIM may be far too high. If the camera or the network has a smaller range, "
            "send it as data_range, or as bits.",
        )
    ]
