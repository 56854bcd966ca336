"""ICC profiles: how an image file says what its colours look like."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from brightfield.images.picture import Note
from brightfield.images.sniff import FileFormat
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_structure import read_structure

# Profiles of displays have a few kilobytes, those of printers up to a few megabytes.
_MOST_BYTES, _MOST_CHUNKS = 4 << 20, 10_000
_SPACE = slice(16, 20)
_SPACES = {1: b"GRAY", 3: b"RGB "}
# Of 255, for each colour.
_ALIKE = 12
_JPEG_PREFIX, _TIFF_TAG = b"ICC_PROFILE\0", 34675


def color_profile(data: bytes, kind: FileFormat, channels: int) -> bytes | None:
    """The profile of a file whose pixels have so many channels; None if there is none, or if it is
    about other colours, as those of inks.

    Source: ICC.1:2022, section 7.2 and annex B.
    """
    found = _READERS[kind](data) if kind in _READERS else b""
    fits = len(found) > 128 and found[_SPACE] == _SPACES.get(channels)
    return found if fits else None


def profile_notes(profile: bytes | None) -> tuple[Note, ...]:
    """What is to be known of colours by a profile: models and measurements take the values as they
    are stored, so those of a profile that is far from sRGB mean other colours than in training.

    They are not converted: littleCMS, by way of Pillow, has 8 bits of colour only, and a picture
    of 16 bits shall have the same answer.
    """
    name = None if profile is None else _foreign(profile)
    if name is None:
        return ()
    return (
        Note(
            "color_profile_unused",
            f"The file's colours are those of the profile {name!r}, and not sRGB. Values were used "
            "as they are stored; if colours matter, convert the file to sRGB before you send it.",
        ),
    )


def of_colour(profile: bytes | None) -> bytes | None:
    """The profile if it is about red, green and blue."""
    return profile if profile is not None and profile[_SPACE] == _SPACES[3] else None


@lru_cache(maxsize=8)
def _foreign(profile: bytes) -> str | None:
    """The name of a profile by which colours or greys differ from those of sRGB, by more than
    anybody sees; None for others, and for those that can't be read."""
    mode = "L" if profile[_SPACE] == _SPACES[1] else "RGB"
    ramp = np.arange(0, 256, 51, dtype=np.uint8)
    cube = np.stack(np.meshgrid(ramp, ramp, ramp), axis=3).reshape(1, -1, 3)
    colours = Image.fromarray(ramp[None] if mode == "L" else cube)
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        to_srgb = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, "RGB")
        shown = to_srgb.apply(colours)
        name = ImageCms.getProfileName(own).strip()
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    stored, seen = (np.asarray(each.convert("RGB"), np.int16) for each in (colours, shown))
    return name if np.abs(stored - seen).max() > _ALIKE else None


def _of_png(data: bytes) -> bytes:
    for name, start, length in _chunks(data, 8, "big"):
        if name == b"iCCP":
            packed = data[start : start + length].partition(b"\0")[2][1:]
            try:
                return zlib.decompressobj().decompress(packed, _MOST_BYTES)
            except zlib.error:
                return b""
        if name == b"IDAT":
            break
    return b""


def _of_webp(data: bytes) -> bytes:
    for name, start, length in _chunks(data, 12, "little"):
        if name == b"ICCP":
            return data[start : start + min(length, _MOST_BYTES)]
    return b""


def _of_jpeg(data: bytes) -> bytes:
    """The parts in their order; each says its number and how many there are."""
    parts: dict[int, bytes] = {}
    position = 2
    for _ in range(_MOST_CHUNKS):
        if position + 4 > len(data) or data[position] != 0xFF or data[position + 1] == 0xDA:
            break
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if data[position + 1] == 0xE2 and body.startswith(_JPEG_PREFIX):
            parts[body[len(_JPEG_PREFIX)]] = body[len(_JPEG_PREFIX) + 2 :]
        position += 2 + max(length, 2)
    return b"".join(parts[number] for number in sorted(parts))


def _of_tiff(data: bytes) -> bytes:
    return Directory.of(read_structure(data), 0).raw(_TIFF_TAG, _MOST_BYTES)


def _chunks(data: bytes, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk: of PNG (length first, a sum behind) or of RIFF."""
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            return
        first, second = data[position : position + 4], data[position + 4 : position + 8]
        if order == "big":
            name, length, step = second, int.from_bytes(first, "big"), 12
        else:
            name, length, step = first, int.from_bytes(second, "little"), 8
        yield name, position + 8, length
        position += step + length + (length % 2 if order == "little" else 0)


_READERS: dict[FileFormat, Callable[[bytes], bytes]] = {
    "png": _of_png,
    "jpeg": _of_jpeg,
    "webp": _of_webp,
    "tiff": _of_tiff,
}
