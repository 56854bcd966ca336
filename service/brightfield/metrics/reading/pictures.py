"""Images inside JSON, made into arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.base64_text import decoded
from brightfield.errors import AmbiguousAxes, BrightfieldError, InvalidRows
from brightfield.images.accounted import accounted
from brightfield.images.decode import decode, describe, stack
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection
from brightfield.metrics.reading.columns import wrong_row
from brightfield.metrics.reading.file_orientation import orientation_of

_IMAGE_FORMS = '{"data": base64}, {"array": [[...]]} or {"npy": base64}'

ImageAxes = Literal["YX", "YXC", "CYX", "ZYX", "ZYXC", "ZCYX", "CZYX"]
"""Rows and columns, with channels or planes or both."""


@dataclass(frozen=True, eq=False)
class ReadImage:
    """(H, W, C), or (D, H, W, C) of a volume, in its own dtype; numbers of JSON are not `typed`."""

    pixels: NDArray[Any]
    typed: bool
    turned: bool = False
    """Whether the file said that its pixels are to be turned, and they were."""

    @property
    def volume(self) -> bool:
        return self.pixels.ndim == 4


def read_image(
    value: Any, name: str, row: int, limits: Limits, axes: ImageAxes | None
) -> ReadImage:
    """An image in one of its forms. `data`, also called `png`, may be any image file.

    Raises `InvalidRows` with the row for what is no image, and for axes that nobody named.
    """
    found: ReadImage | None = None
    try:
        match value:
            case {"data": str(text)} | {"png": str(text)} | {"npy": str(text)} if len(value) == 1:
                data = bytes_of(text)
                pixels = accounted(partial(_of_file, data, axes), limits)
                found = ReadImage(pixels, typed=True, turned=orientation_of(data) > 1)
            case {"array": list(rows)} if len(value) == 1:
                found = ReadImage(_named(array_of(rows, limits), axes), typed=False)
    except BrightfieldError as fault:
        raise in_row(fault, name, row) from None
    if found is None:
        raise wrong_row(name, row, f"an image is {_IMAGE_FORMS}", value)
    return found


def _of_file(data: bytes, axes: ImageAxes | None, limits: Limits) -> NDArray[Any]:
    """One plane, or all along Z where the file or `axes` says that it has such."""
    selection = Selection(axes=axes)
    try:
        return decode(data, selection, limits=limits).pixels
    except AmbiguousAxes as fault:
        if set(fault.missing) != {"z"}:
            raise _unnamed(fault) from None
    chosen = stack(data, selection, limits=limits)
    shown = describe(data)
    limits.check_size(shown.width, shown.height, planes=len(chosen))
    return np.stack([decode(data, each, limits=limits).pixels for each in chosen])


def _unnamed(fault: AmbiguousAxes) -> InvalidRows:
    found = " and ".join(f"{count} along {name}" for name, count in fault.missing.items())
    planes = f" It has planes: {found}." if found else ""
    return InvalidRows(
        f"The axes of the image are not known.{planes} Send axes=ZYX for volumes, axes=CYX for "
        "channels, or one plane."
    )


def _named(array: NDArray[Any], axes: ImageAxes | None) -> NDArray[Any]:
    """(H, W, C) or (D, H, W, C) of an array whose axes are named, else H x W or H x W x C."""
    names = axes or {2: "YX", 3: "YXC"}.get(array.ndim, "")
    if len(names) != array.ndim:
        raise InvalidRows(
            f"An array of {array.ndim} axes is not {axes or 'H x W or H x W x C'}; name its axes, "
            "as in axes=ZYX."
        )
    if "C" not in names:
        names, array = f"{names}C", array[..., None]
    order = [names.index(name) for name in "ZYXC" if name in names]
    return array.transpose(order)


def bytes_of(text: str) -> bytes:
    """What base64 holds."""
    try:
        return decoded(text)
    except ValueError as fault:
        raise InvalidRows(f"This is not base64: {fault}.") from None


def array_of(rows: list[Any], limits: Limits) -> NDArray[Any]:
    """Numbers in rows. Raises `InvalidRows` for anything else."""
    values: list[Any] = rows
    while values and all(isinstance(value, list) for value in values):
        values = list(chain.from_iterable(values))
    # Texts of different lengths would all be made as long as the longest.
    if not set(map(type, values)) <= {bool, int, float}:
        raise InvalidRows("An array holds numbers alone, in rows of one length.")
    limits.check_size(len(values), 1)
    try:
        return np.array(rows)
    except (ValueError, OverflowError):
        raise InvalidRows("The rows of the array are not of one length.") from None


def in_row(fault: BrightfieldError, name: str, row: int) -> BrightfieldError:
    """The same fault, which now says in which row it is."""
    errors = [{"location": f"{name}.{row}", "row": row, "expected": fault.detail}]
    return type(fault)(f"`{name}` of row {row}: {fault.detail}", errors=errors)
