"""What an error advises works when it is followed, whatever the format and whatever was asked.

The advice is read out of the error's text, as a person would: parameters as `z=0`, and `leave z
out`. Each way must end in a picture, within a few errors that name one thing after another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from brightfield.cards import InputSpec
from brightfield.channel_fit import check_channels
from brightfield.engine.view import View
from brightfield.errors import BrightfieldError
from brightfield.images.decode import _READERS, decode
from brightfield.images.limits import Limits
from brightfield.images.selection import Selection
from brightfield.images.sniff import sniff
from brightfield.preprocess import field_of

RANDOM = np.random.default_rng(0)
SPEC = InputSpec(channels=3)
NAMES = "page|z|t|channels|axes|level|region"
MOST_ERRORS = 4


def tiff(shape: tuple[int, ...], **options: Any) -> bytes:
    file = io.BytesIO()
    values = RANDOM.integers(0, 255, shape)
    kind = "rgb" if shape[-1] == 3 else "minisblack"
    dtype = np.uint8 if shape[-1] == 3 else np.uint16
    tifffile.imwrite(file, values.astype(dtype), photometric=kind, **options)
    return file.getvalue()


def pages(*shapes: tuple[int, ...], ome: str = "", **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=bool(ome)) as writer:
        for number, shape in enumerate(shapes):
            axes = {"axes": ome.split()[number]} if ome else None
            writer.write(np.zeros(shape, np.uint8), metadata=axes, **options)
    return file.getvalue()


def pyramid() -> bytes:
    file = io.BytesIO()
    tiles: dict[str, Any] = {"tile": (32, 32), "photometric": "rgb"}
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((64, 80, 3), np.uint8), subifds=1, **tiles)
        writer.write(np.zeros((32, 40, 3), np.uint8), subfiletype=1, **tiles)
    return file.getvalue()


def saved(kind: str, mode: str = "RGB", frames: int = 1) -> bytes:
    file = io.BytesIO()
    drawn = RANDOM.integers(0, 255, (frames, 20, 24, 3), np.uint8)
    first, *others = (Image.fromarray(frame).convert(mode) for frame in drawn)
    first.save(file, kind, **({"save_all": True, "append_images": others} if others else {}))
    return file.getvalue()


def npy(*shape: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(shape, np.uint16))
    return file.getvalue()


FILES = {
    "ImageJ stack": tiff((3, 20, 24), imagej=True, metadata={"axes": "ZYX"}),
    "ImageJ hyperstack": tiff((2, 3, 2, 20, 24), imagej=True, metadata={"axes": "TZCYX"}),
    "ImageJ composite": tiff((3, 20, 24), imagej=True, metadata={"axes": "CYX"}),
    "ImageJ colour stack": tiff((3, 20, 24, 3), imagej=True, metadata={"axes": "ZYXS"}),
    "OME": tiff((2, 2, 3, 20, 24), ome=True, metadata={"axes": "TCZYX"}),
    "OME of five channels": tiff((5, 20, 24), ome=True, metadata={"axes": "CYX"}),
    "OME of two images": pages((2, 20, 24), (3, 20, 24), ome="CYX ZYX"),
    "tifffile's": tiff((2, 3, 20, 24)),
    "tifffile's time and depth": tiff((2, 3, 20, 24), metadata={"axes": "TZYX"}),
    "pages": pages((20, 24), (20, 24), (20, 24)),
    "pages of unequal size": pages((20, 24), (22, 24), (18, 30)),
    "two samples": pages((20, 24, 2), photometric="minisblack", planarconfig="contig"),
    "pyramid": pyramid(),
    "animated GIF": saved("GIF", frames=3),
    "animated PNG": saved("PNG", frames=3),
    "animated WebP": saved("WEBP", frames=3),
    **{f"{kind} {mode}": saved(kind, mode) for kind in ("PNG", "TIFF") for mode in ("L", "RGBA")},
    **{f"JPEG {mode}": saved("JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    **{f"plain {kind}": saved(kind) for kind in ("PNG", "BMP", "GIF", "WEBP")},
    **{f"npy {shape}": npy(*shape) for shape in ((20, 24), (5, 20, 24), (2, 3, 20, 24), (9, 9, 2))},
}
AXES = ["YX", "XY", "YXC", "CYX", "ZYX", "PYX", "TYX", "YXS", "SYX", "TZCYX"]
ASKED: list[dict[str, Any]] = [
    {}, *({name: 9} for name in ("page", "z", "t", "level")), {"page": 0, "z": 0}, {"level": 1},
    {"channels": "9"}, {"channels": "0,1"}, *({"axes": axes} for axes in AXES),
    {"region": "20,16,30,30"}, {"region": "900,900,2,2"},
]  # fmt: skip


def look(data: bytes, asked: dict[str, Any]) -> None:
    """Read the picture as every image endpoint does."""
    chosen = {name: value for name, value in asked.items() if name != "region"}
    picture = decode(data, Selection.model_validate(chosen), limits=Limits(10**6), needs=SPEC.needs)
    check_channels(picture.channels, picture.facts, SPEC)
    field_of(picture, View(region=asked.get("region")).part)


def ways(asked: dict[str, Any], advice: str) -> Iterator[dict[str, Any]]:
    """What to ask instead: all that is to be added, else each of the values that are named, else
    without what is to be left out."""
    added = re.search(r"; add (.*?)(?:, or |\.$)", advice)
    together = dict(re.findall(rf"\b({NAMES})=(\w+)", added[1])) if added else {}
    if together:
        yield asked | together
    for name, value in re.findall(rf"\b({NAMES})=([\w,]*\w)", advice):
        if name not in together and str(asked.get(name)) != value:
            yield asked | {name: value}
    for name in re.findall(rf"(?:leave|without) ({NAMES})\b", advice):
        yield {other: value for other, value in asked.items() if other != name}


def followed(data: bytes, asked: dict[str, Any], trail: tuple[str, ...] = ()) -> None:
    try:
        look(data, asked)
    except BrightfieldError as fault:
        told = (*trail, f"{asked}: {fault.detail}")
        instead = list(ways(asked, fault.detail))
        news = not any(before.endswith(fault.detail) for before in trail)
        assert instead and news and len(told) <= MOST_ERRORS, "\n".join(told)
        for way in instead:
            followed(data, way, told)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_every_way_out_that_an_error_names_is_one(data: bytes) -> None:
    for asked in ASKED:
        followed(data, asked)


def test_every_format_is_there() -> None:
    assert {sniff(data) for data in FILES.values()} == set(_READERS)
