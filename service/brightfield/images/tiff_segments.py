"""The strips and tiles of a TIFF page, judged before any is unpacked."""

from __future__ import annotations

from math import prod

import numpy as np
from tifffile import COMPRESSION, TiffPage

from brightfield.errors import TooManyPixels, UndecodableImage
from brightfield.images import jpeg
from brightfield.images.codec_process import CODECS
from brightfield.images.tiff_structure import cut
from brightfield.tensors import Pixels

_JPEG = frozenset({6, 7, 33007, 34892})
JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
# None, CCITT, LZW, deflate, PackBits, LZMA, Zstandard: their output is bounded by the strip.
_BOUNDED = frozenset({1, 2, 3, 4, 5, 8, 32946, 32773, 34925, 50000, 34926})
# What a packed segment may have beyond the pixels in it: headers, tables, and bad packing.
_SLACK, _GROWTH = 1 << 16, 2


def check_segments(page: TiffPage, data: bytes) -> None:
    """Raises `TruncatedImage` where a strip or tile isn't whole in the file, `UndecodableImage`
    where one is missing, or cannot be read, `TooManyPixels` where one holds more than the page."""
    offsets, counts = _extents(page)
    if len(offsets) < prod(page.chunked) or not (offsets.all() and counts.all()):
        raise UndecodableImage(
            "The TIFF lists strips or tiles without data; it was not written to its end."
        )
    if (offsets + counts > len(data)).any():
        raise cut()
    _check_packing(page, counts)
    compression = int(page.compression)
    if compression in _BOUNDED:
        return
    if compression not in _JPEG | JPEG_2000:
        known = compression in set(COMPRESSION)
        raise UndecodableImage(
            f"TIFF compression {COMPRESSION(compression).name if known else compression} is not "
            "read; save it uncompressed or with LZW, deflate, PackBits, LZMA, Zstandard, CCITT, "
            "JPEG or JPEG 2000."
        )
    inner = _jpeg_size if compression in _JPEG else _jpeg_2000_size
    width = max(page.tilewidth, page.imagewidth)
    height = max(page.tilelength, page.imagelength)
    for at, count in zip(offsets.astype(np.int64).tolist(), counts.tolist(), strict=True):
        wide, high = inner(data[at : at + int(count)])
        if wide > width or high > height:
            raise TooManyPixels("A strip or tile of the TIFF is larger than the TIFF says.")


def _extents(page: TiffPage) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and byte counts, as floats: a file may claim any number."""
    several = min(len(page.dataoffsets), len(page.databytecounts))
    offsets = np.array(page.dataoffsets[:several], np.float64)
    return offsets, np.array(page.databytecounts[:several], np.float64)


def _check_packing(page: TiffPage, counts: np.ndarray) -> None:
    """Segments may share bytes, as blank tiles do, but not so that unpacking never ends."""
    if int(page.compression) == 1:
        return
    chunks = prod(page.chunked)
    unpacked = prod(page.chunks) * (page.dtype.itemsize if page.dtype is not None else 1)
    if counts[:chunks].sum() > chunks * (_GROWTH * unpacked + _SLACK):
        raise UndecodableImage(
            "The TIFF's packed strips or tiles are much larger than what is in them."
        )


def _jpeg_size(segment: bytes) -> tuple[int, int]:
    """(width, height) that a JPEG strip or tile says it has.

    It must have its end marker: what is missing would be filled with grey.
    """
    header = jpeg.read_header(segment)
    if jpeg.ends_early(segment, header):
        raise cut()
    jpeg.check_scans(segment, header)
    return header.width, header.height


def _jpeg_2000_size(segment: bytes) -> tuple[int, int]:
    start = segment.find(b"\xff\x4f\xff\x51")  # the SIZ marker follows the start of codestream
    if start < 0 or len(segment) < start + 24:
        raise UndecodableImage("A JPEG 2000 tile of the TIFF is damaged.")
    edges = [int.from_bytes(segment[start + i : start + i + 4], "big") for i in (8, 12, 16, 20)]
    return edges[0] - edges[2], edges[1] - edges[3]


def unpacked_apart(page: TiffPage, data: bytes) -> Pixels:
    """(H, W, S) of a page of JPEG 2000, each strip or tile unpacked in the process for it."""
    whole = np.zeros((page.imagelength, page.imagewidth, page.samplesperpixel), page.dtype)
    high, wide, *rest = page.chunks
    samples = rest[0] if rest else 1
    rows, columns = -(-page.imagelength // high), -(-page.imagewidth // wide)
    for number in range(prod(page.chunked)):
        plane, place = divmod(number, rows * columns)
        top, left = (place // columns) * high, (place % columns) * wide
        at, count = page.dataoffsets[number], page.databytecounts[number]
        packed = data[at : at + count]
        values = CODECS.unpack("jpeg2000", packed, high * wide * samples)
        values = values.reshape(*values.shape[:2], -1)
        target = whole[top : top + high, left : left + wide, plane : plane + samples]
        if values.shape[2] != target.shape[2] or values.dtype != page.dtype:
            raise UndecodableImage("A JPEG 2000 tile of the TIFF has other samples than it says.")
        fitting = values[: target.shape[0], : target.shape[1]]
        target[: fitting.shape[0], : fitting.shape[1]] = fitting
    return whole
