"""What a file is, by its first bytes; names and content types are not asked."""

from __future__ import annotations

from typing import Literal

from brightfield.errors import EmptyBody, PickledArray, TruncatedImage, UnknownFormat

FileFormat = Literal["jpeg", "png", "tiff", "bmp", "gif", "webp", "npy"]

READABLE = "JPEG, PNG, TIFF (also BigTIFF, OME and ImageJ), BMP, GIF, WebP and .npy"

_MAGIC: tuple[tuple[bytes, FileFormat], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x93NUMPY", "npy"),
)

_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

_AS_TIFF = "export it as TIFF or OME-TIFF (Bio-Formats and the vendor's software do)"
_AS_PNG = "convert it to PNG or TIFF"
_AS_ARRAY = "export the array as TIFF or with numpy.save"

_FOREIGN: tuple[tuple[int, bytes, str, str], ...] = (
    (128, b"DICM", "a DICOM file", "export the pixel data as TIFF or with numpy.save"),
    (4, b"ftypavi", "an AVIF image", _AS_PNG),
    (4, b"ftyphei", "a HEIC image", "convert it to JPEG or PNG"),
    (4, b"ftyphev", "a HEIC image", "convert it to JPEG or PNG"),
    (4, b"ftypm", "a HEIF image or a film", "convert it (or one frame) to JPEG or PNG"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image", _AS_PNG),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream", _AS_PNG),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image", _AS_PNG),
    (0, b"\xff\x0a", "a JPEG XL image", _AS_PNG),
    (0, b"ZISRAWFILE", "a Zeiss CZI file", _AS_TIFF),
    (0, b"\xda\xce\xbe\x0a", "a Nikon ND2 file", _AS_TIFF),
    (0, b"\x70\x00\x00\x00", "a Leica LIF file", _AS_TIFF),
    (0, b"\x89HDF", "an HDF5 file", _AS_ARRAY),
    (0, b"CDF", "a NetCDF file", _AS_ARRAY),
    (0, b"SIMPLE  =", "a FITS file", _AS_ARRAY),
    (0, b"NRRD", "an NRRD file", _AS_ARRAY),
    (0, b"MATLAB", "a MATLAB file", _AS_ARRAY),
    (0, b"PK\x03\x04", "a ZIP archive (or .npz)", "send one image file, or one array as .npy"),
    (0, b"\x1f\x8b", "gzip-compressed data", "unpack it first"),
    (0, b"%PDF", "a PDF document", "export its pages as PNG or TIFF"),
    (0, b"8BPS", "a Photoshop document", _AS_PNG),
    (0, b"v/1\x01", "an OpenEXR image", "convert it to float TIFF"),
    (0, b"\x00\x00\x01\x00", "a Windows icon", _AS_PNG),
    (0, b"P5", "a PGM image", _AS_PNG),
    (0, b"P6", "a PPM image", _AS_PNG),
)


def sniff(data: bytes) -> FileFormat:
    """The format of `data` by its magic bytes.

    Raises `EmptyBody` (no bytes), `TruncatedImage` (less than a signature), `PickledArray` (a
    Python pickle) or `UnknownFormat`, which names the file where it is recognised and says what
    to convert it to.
    """
    if not data:
        raise EmptyBody("The body is empty; send an image file's bytes.")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    raise _refusal(data)


def _refusal(data: bytes) -> TruncatedImage | PickledArray | UnknownFormat:
    signature = (*(magic for magic, _ in _MAGIC), b"RIFF" + data[4:8] + b"WEBP")
    if any(magic.startswith(data) for magic in signature) or (data[:2] == b"BM" and len(data) < 18):
        return TruncatedImage(
            f"The file ends within its signature, after {len(data)} bytes; send all of it."
        )
    if data[0] == 0x80 and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PickledArray(
            "This is a Python pickle, which is never read because reading one can run code; "
            "write the array with numpy.save(file, array, allow_pickle=False)."
        )
    for offset, magic, name, advice in _FOREIGN:
        if data.startswith(magic, offset):
            return UnknownFormat(f"This is {name}, which is not read here; {advice}.")
    return _text_refusal(data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def _text_refusal(head: bytes) -> UnknownFormat:
    if b"<svg" in head:
        return UnknownFormat("This is an SVG drawing, which has no pixels; render it to PNG.")
    if head.startswith((b"<!doctype html", b"<html")):
        return UnknownFormat("This is an HTML page, not an image; check where it came from.")
    return UnknownFormat(f"The format is not recognised; send {READABLE}.")
