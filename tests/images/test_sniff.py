"""Formats by their first bytes."""

from __future__ import annotations

import io
import pickle
from typing import Literal

import numpy as np
import pytest
import tifffile
from PIL import Image

from brightfield.errors import EmptyBody, PickledArray, TruncatedImage, UnknownFormat
from brightfield.images.sniff import sniff


def saved(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_what_pillow_writes(kind: str) -> None:
    assert sniff(saved(kind)) == kind.lower()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_in_both_orders_and_sizes(order: Literal["<", ">"], big: bool) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((3, 4), np.uint8), byteorder=order, bigtiff=big)
    assert sniff(file.getvalue()) == "tiff"


def test_npy() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((2, 2)))
    assert sniff(file.getvalue()) == "npy"


def test_no_bytes() -> None:
    with pytest.raises(EmptyBody):
        sniff(b"")


@pytest.mark.parametrize("start", [b"\xff\xd8", b"\x89PN", b"II*", b"GIF8", b"RIFF1234WE", b"BM12"])
def test_less_than_a_signature_is_truncated(start: bytes) -> None:
    with pytest.raises(TruncatedImage):
        sniff(start)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_as_one(protocol: int) -> None:
    with pytest.raises(PickledArray):
        sniff(pickle.dumps(np.zeros(3), protocol=protocol))


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (bytes(128) + b"DICM", "DICOM"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC"),
        (b"\x00\x00\x00\x1cftypavif", "AVIF"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"ZISRAWFILE", "CZI"),
        (b"\xda\xce\xbe\x0a", "ND2"),
        (b"\x70\x00\x00\x00\x10\x00\x00\x00*", "LIF"),
        (b"%PDF-1.7", "PDF"),
        (b"<?xml version='1.0'?>\n<svg xmlns=''>", "SVG"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "HTML"),
        (b"PK\x03\x04", "ZIP"),
        (b"hello, world, this is text", "JPEG, PNG, TIFF"),
        (b"BMW builds cars, not bitmaps.", "JPEG, PNG, TIFF"),
    ],
)
def test_other_formats_are_named(start: bytes, named: str) -> None:
    with pytest.raises(UnknownFormat, match=named):
        sniff(start)
