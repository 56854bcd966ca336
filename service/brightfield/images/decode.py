"""From a file's bytes to a `Picture`: every fault of the input ends here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from PIL import Image

from brightfield.errors import (
    AmbiguousAxes,
    BrightfieldError,
    InvalidParameter,
    TooManyPixels,
    UndecodableImage,
)
from brightfield.images import bmp, gif, jpeg, npy, png, raster, tiff, webp
from brightfield.images.budget import Hold
from brightfield.images.channels import NO_NEEDS, ReadingNeeds
from brightfield.images.color_profile import color_profile, profile_notes
from brightfield.images.level_read import LevelRead
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.orientation import upright
from brightfield.images.picture import Note, Picture
from brightfield.images.plane import Plane
from brightfield.images.plane_address import PlaneAddress
from brightfield.images.selection import Selection
from brightfield.images.sniff import FileFormat, sniff
from brightfield.tensors import Pixels

T = TypeVar("T")

Reader = Callable[[bytes, Selection, Limits], Plane]
"""Bytes, selection and what an image may have, to the plane as stored."""

_READERS: dict[FileFormat, Reader] = {
    "jpeg": jpeg.read,
    "png": png.read,
    "tiff": tiff.read,
    "bmp": raster.read_bmp,
    "gif": raster.read_gif,
    "webp": raster.read_webp,
    "npy": npy.read,
}

# Far more than there is time for: each is decoded and answered by a model.
_MOST_PLANES = 100_000

_SIZES: dict[FileFormat, Callable[[bytes], tuple[int, int]]] = {
    "jpeg": jpeg.size,
    "png": png.size,
    "tiff": tiff.size,
    "bmp": bmp.size,
    "gif": gif.size,
    "webp": webp.size,
    "npy": npy.size,
}


def _nothing() -> None:
    """Of a picture whose bytes nobody counts."""


def decode(
    data: bytes,
    selection: Selection | None = None,
    *,
    limits: Limits,
    needs: ReadingNeeds = NO_NEEDS,
    held: Callable[[], Hold | None] = _nothing,
) -> Picture:
    """The plane of an image file that `selection` names, oriented as it is displayed.

    `pixels` keep the file's own dtype in native byte order (bilevel becomes 0 and 255). `needs`
    says how a model wants them: of arrays as they are sent, a three-dimensional .npy is
    C x H x W; channels that it names are picked from a file that names its own, with a note,
    unless `selection` picks some. The array may be read-only, a view of `data`. `held` gives the
    bytes that the picture holds once it is decoded.

    Raises only `BrightfieldError`: 400 for what cannot be decoded or is cut short, 413 above the
    `limits` (found in the headers, before pixels are decoded), 415 for other formats, 422 for a
    selection that does not fit or is missing, and what `limits.admit` raises. Safe to call from
    several threads.
    """
    selection = selection or Selection()
    kind = sniff(data)
    if selection.level and kind != "tiff":
        raise InvalidParameter(
            "The image has one level; leave level out.", errors=[{"location": "level"}]
        )
    plane = _guarded(lambda: _reader(kind, needs)(data, selection, limits), kind)
    profile = color_profile(data, kind, plane.pixels.shape[2])
    orientation = plane.orientation if selection.orientation == "apply" else 1
    pixels = _plain(upright(plane.pixels, orientation))
    known = plane.calibration
    return Picture(
        pixels=pixels,
        sha256=hashlib.sha256(data).hexdigest(),
        format=kind,
        source_axes=plane.axes,
        orientation_applied=orientation,
        pixel_size=selection.pixel_size or known.pixel_size,
        spacing=selection.spacing or known.spacing,
        notes=(
            *_unless_given(selection, known.notes),
            *plane.notes,
            *_non_finite(pixels),
            *profile_notes(profile),
        ),
        raw=plane.raw,
        profile=profile,
        address=PlaneAddress.of(_picked(selection, plane), plane.axes),
        facts=plane.facts,
        level=_turned(plane.level, orientation),
        hold=held(),
    )


def _turned(level: LevelRead | None, orientation: int) -> LevelRead | None:
    return level.turned() if level is not None and orientation >= 5 else level


def _picked(selection: Selection, plane: Plane) -> Selection:
    """The selection with the channels that were chosen by name."""
    facts = plane.facts
    if not facts.chosen or selection.channels is not None:
        return selection
    return selection.model_copy(update={"channels": facts.indices})


def _reader(kind: FileFormat, needs: ReadingNeeds) -> Reader:
    """The format's reader; those that a model's needs matter to are told of them."""
    match kind:
        case "npy":
            return partial(npy.read, raw=needs.raw)
        case "tiff":
            return partial(tiff.read, needs=needs)
        case _:
            return _READERS[kind]


def stack(data: bytes, selection: Selection, *, limits: Limits) -> tuple[Selection, ...]:
    """A selection for each plane along Z that `selection` leaves open, or for each page.

    A file with nothing left open gives `selection` alone. Nothing is decoded. Raises as `decode`
    does; `AmbiguousAxes` also where more than the depth is open.
    """
    try:
        decoded_size(data, selection, limits=limits)
    except AmbiguousAxes as fault:
        depth = next((name for name in ("z", "page") if name in fault.missing), None)
        if depth is None:
            raise
        if len(fault.missing) > 1:
            raise _also_open(fault, depth) from None
        count = fault.missing[depth]
        if count > _MOST_PLANES:
            raise TooManyPixels(
                f"The stack has {count} planes along {depth}, and at most {_MOST_PLANES:,} are "
                "read; send a part of it."
            ) from None
        return tuple(selection.model_copy(update={depth: i}) for i in range(count))
    return (selection,)


def decoded_size(data: bytes, selection: Selection, *, limits: Limits) -> DecodedSize:
    """What decoding the plane would give, as the header says; orientation not applied.

    Nothing is decoded. Raises as `decode` does.
    """
    kind = sniff(data)
    looking = replace(limits, admit=_seen)
    try:
        _guarded(lambda: _READERS[kind](data, selection, looking), kind)
    except _Seen as seen:
        return seen.size
    raise UndecodableImage(f"The {kind.upper()} file has no plane of a known size.")


class _Seen(BrightfieldError):
    """Ends reading where decoding would begin; reaches no caller."""

    def __init__(self, size: DecodedSize) -> None:
        super().__init__("")
        self.size = size


def _seen(decoded: DecodedSize) -> None:
    raise _Seen(decoded)


def _also_open(fault: AmbiguousAxes, depth: str) -> AmbiguousAxes:
    """What is open besides the axis that a stack runs along."""
    others = {name: count for name, count in fault.missing.items() if name != depth}
    needed = " and ".join(f"{name}=0 (0 to {count - 1})" for name, count in others.items())
    return AmbiguousAxes(
        f"A stack runs along {depth} alone, and {' and '.join(others)} is open, too; add {needed}.",
        errors=[error for error in fault.errors if error["location"] in others],
        missing=others,
    )


@dataclass(frozen=True, slots=True)
class Description:
    """What a file's header says; of several pages the first, orientation not applied."""

    format: FileFormat
    width: int
    height: int


def describe(data: bytes) -> Description:
    """Format and size from the header alone, in microseconds; raises as `decode` does.

    For .npy the size is that of H x W and H x W x C, the last two axes otherwise.
    """
    kind = sniff(data)
    return Description(kind, *_guarded(lambda: _SIZES[kind](data), kind))


def _guarded(call: Callable[[], T], kind: FileFormat) -> T:
    """The call's result; what the libraries raise becomes an error that says what to do."""
    try:
        return call()
    except BrightfieldError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as fault:
        raise TooManyPixels(
            "The image has more pixels than are read; send a smaller one."
        ) from fault
    except Exception as fault:
        raise UndecodableImage(
            f"The {kind.upper()} file is damaged and cannot be decoded; send the original file."
        ) from fault


def _unless_given(selection: Selection, notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Why the file's pixel size isn't used, for callers who don't give it."""
    return () if selection.pixel_size is not None else notes


def _plain(pixels: Pixels) -> Pixels:
    """Bilevel as 0 and 255; other dtypes in native byte order, and named so (uint16, not <u2)."""
    if pixels.dtype == np.bool_:
        return np.where(pixels, np.uint8(255), np.uint8(0))
    return pixels.astype(np.dtype(pixels.dtype.type), copy=False)


def _non_finite(pixels: Pixels) -> tuple[Note, ...]:
    if pixels.dtype.kind != "f" or (finite := np.isfinite(pixels)).all():
        return ()
    detail = (
        f"{finite.size - np.count_nonzero(finite)} values are not finite (NaN or infinite); they "
        "are kept, ignored for scaling, and shown as 0."
    )
    return (Note("non_finite_pixels", detail),)
