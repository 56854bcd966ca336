"""What is seen of a stored image, as pictures, arrays and JSON."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from brightfield.api.writing.envelope import intensity_json, warnings_json
from brightfield.engine import ImageFacts
from brightfield.engine.viewing.plane import ViewedPlane
from brightfield.errors import BrightfieldError
from brightfield.images import encode
from brightfield.images.contents import ImageContents
from brightfield.images.histogram import Histogram
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Note, Region
from brightfield.images.plane_address import PlaneAddress
from brightfield.scaling import Scaling
from brightfield.tensors import Pixels

_AUTO = Intensity("auto")
_LETTERS = {"page": "P", "t": "T", "z": "Z"}

MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "npy": "application/x-npy",
    "json": "application/json",
}
"""By the formats of a view."""


def _png(pixels: Pixels, profile: bytes | None) -> bytes:
    return encode.png(pixels, profile=profile)


def _webp(pixels: Pixels, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        buffer, "WEBP", lossless=True, quality=0, method=0, icc_profile=profile or b""
    )
    return buffer.getvalue()


PICTURES: Mapping[str, Callable[[Pixels, bytes | None], bytes]] = {"png": _png, "webp": _webp}
"""How (h, w) or (h, w, 3) uint8 is written, without loss, with the profile of its colours."""


def described(plane: ViewedPlane) -> dict[str, Any]:
    """What was read of an image, whose `first` plane this is."""
    picture, found = plane.picture, plane.limits(_AUTO)
    facts = ImageFacts.of(picture, Scaling.of(found), None)
    turned = picture.orientation_applied >= 5  # rows and columns have changed places
    values = _values(picture.pixels)
    return {
        **_header(plane.contents, turned=turned),
        "width": picture.width,
        "height": picture.height,
        "dtype": picture.pixels.dtype.name,
        "orientation_applied": picture.orientation_applied,
        "selection": {**picture.address.json(), "region": None},
        "pixel_size": picture.pixel_size,
        "spacing": picture.spacing,
        "values": values,
        "intensity": intensity_json(facts),
        "warnings": warnings_json((*picture.notes, *found.notes)),
    }


def described_unread(contents: ImageContents, fault: BrightfieldError) -> dict[str, Any]:
    """What the header says of an image that is too large to be read, and why it is not read."""
    first = contents.first
    address = PlaneAddress(first.page, first.z, first.t, first.channels, level=first.level)
    return {
        **_header(contents, turned=False),
        "width": contents.size.width,
        "height": contents.size.height,
        "dtype": contents.size.dtype.name,
        "orientation_applied": 1,
        "selection": {**address.json(), "region": None},
        "pixel_size": first.pixel_size,
        "spacing": first.spacing,
        "values": None,
        "intensity": None,
        "warnings": warnings_json((Note("not_read", fault.detail),)),
    }


def _header(contents: ImageContents, *, turned: bool) -> dict[str, Any]:
    size, names = contents.size, contents.size.facts.names
    sides = {"Y": size.width if turned else size.height, "X": size.height if turned else size.width}
    lengths = {_LETTERS[name]: count for name, count in contents.planes.items()}
    lengths |= {"C": size.channels} | sides
    levels = [(h, w) if turned else (w, h) for w, h in contents.levels]
    return {
        "format": contents.format,
        "axes": [{"name": name, "length": length} for name, length in lengths.items()],
        "channels": [
            {"index": index, "name": (names[index] or None) if index < len(names) else None}
            for index in range(size.channels)
        ],
        "separate": size.facts.separate,
        "levels": [{"level": n, "width": w, "height": h} for n, (w, h) in enumerate(levels)],
    }


def _values(pixels: Pixels) -> dict[str, Any]:
    """The finite values; null ends where there are none."""
    finite = np.isfinite(pixels) if pixels.dtype.kind == "f" else None
    count = pixels.size if finite is None else int(np.count_nonzero(finite))
    if not count:
        return {"least": None, "greatest": None, "finite": 0}
    known = pixels if finite is None else pixels[finite]
    return {"least": known.min().item(), "greatest": known.max().item(), "finite": count}


def values_document(
    plane: ViewedPlane, region: Region | None, numbers: Pixels, image_id: str
) -> dict[str, Any]:
    """The values of a region, in rows; of several channels a list for each pixel."""
    part = region or Region(0, 0, plane.picture.width, plane.picture.height)
    single = numbers.shape[2] == 1
    return {
        "id": image_id,
        "region": {"x": part.x, "y": part.y, "width": part.width, "height": part.height},
        "axes": "YX" if single else "YXC",
        "dtype": numbers.dtype.name,
        "values": (numbers[..., 0] if single else numbers).tolist(),
    }


def histogram_document(plane: ViewedPlane, found: Histogram, image_id: str) -> dict[str, Any]:
    """The counts of each channel under its number in the file."""
    facts = plane.picture.facts
    channels = len(found.counts)
    numbers = facts.indices if len(facts.indices) == channels else tuple(range(channels))
    return {
        "id": image_id,
        "dtype": plane.picture.pixels.dtype.name,
        "start": found.start,
        "step": found.step,
        "channels": [
            {"index": index, "finite": int(finite), "counts": counts.tolist()}
            for index, finite, counts in zip(numbers, found.finite, found.counts, strict=True)
        ],
    }
