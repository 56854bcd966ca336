"""Pyramids, against tifffile's own levels: levels are neither pages nor a stack."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile

from brightfield.errors import AmbiguousAxes, InvalidParameter, TooManyPixels
from brightfield.images.decode import decode, stack
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection

LIMITS = Limits(1 << 20)
BASE = np.random.default_rng(0).integers(0, 255, (256, 320, 3), np.uint8)
SIZE = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
TILES: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb"}
Write = Callable[[tifffile.TiffWriter], None]


def read(data: bytes, **selection: Any) -> Picture:
    return decode(data, Selection(**selection), limits=LIMITS)


def written(write: Write, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as file:
        write(file)
    return buffer.getvalue()


def sub_ifds(file: tifffile.TiffWriter) -> None:
    file.write(BASE, subifds=2, **TILES, **SIZE)
    file.write(BASE[::2, ::2], subfiletype=1, **TILES)
    file.write(BASE[::4, ::4], subfiletype=1, **TILES)


def reduced(tiled: bool, flag: int = 1) -> Write:
    def write(file: tifffile.TiffWriter) -> None:
        kind: dict[str, Any] = TILES if tiled else {"photometric": "rgb"}
        file.write(BASE, metadata=None, **kind, **SIZE)
        file.write(BASE[::2, ::2], subfiletype=flag, metadata=None, **kind)
        file.write(BASE[::4, ::4], subfiletype=flag, metadata=None, **kind)

    return write


def aperio(file: tifffile.TiffWriter) -> None:
    text = "Aperio Image Library v10.0.51\n320x256 -> {} JPEG Q=70|AppMag = 20|MPP = 0.5000"
    strip: dict[str, Any] = {"photometric": "rgb", "metadata": None}
    file.write(BASE, metadata=None, description=text, **TILES)
    file.write(BASE[::3, ::3], description=text, **strip)  # the thumbnail
    file.write(BASE[::2, ::2], metadata=None, description=text, **TILES)
    file.write(BASE[::4, ::4], metadata=None, description=text, **TILES)
    file.write(BASE[:60, :80], subfiletype=1, description="Aperio\nlabel 80x60", **strip)
    file.write(BASE[:50, :90], subfiletype=9, description="Aperio\nmacro 90x50", **strip)


PYRAMIDS = {
    "SubIFDs": written(sub_ifds),
    "OME": written(sub_ifds, ome=True),
    "BigTIFF": written(sub_ifds, bigtiff=True),
    "pages": written(reduced(tiled=True)),
    "striped pages": written(reduced(tiled=False)),
    "unflagged tiled pages": written(reduced(tiled=True, flag=0)),
    "Aperio": written(aperio),
}


@pytest.mark.parametrize("data", PYRAMIDS.values(), ids=PYRAMIDS)
def test_levels_are_chosen_and_are_no_pages(data: bytes) -> None:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        levels = [level.asarray() for level in file.series[0].levels]
    assert len(levels) == 3
    for level, pixels in enumerate(levels):
        found = read(data, level=level)
        np.testing.assert_array_equal(found.pixels, pixels)
        assert found.pixel_size == pytest.approx(0.5 * 2**level, rel=1e-3)
        assert found.address.known == ({"level": level} if level else {})
    np.testing.assert_array_equal(read(data).pixels, BASE)
    assert len(stack(data, Selection(), limits=LIMITS)) == 1
    with pytest.raises(InvalidParameter, match=r"level=0 \(320 x 256\), .* level=2 \(80 x 64\)"):
        read(data, level=3)


def test_a_pyramid_that_is_too_large_names_its_levels() -> None:
    with pytest.raises(TooManyPixels, match=r"level=1 \(160 x 128\)"):
        decode(PYRAMIDS["SubIFDs"], limits=Limits(50_000))
    found = decode(PYRAMIDS["SubIFDs"], Selection(level=1), limits=Limits(50_000))
    assert (found.width, found.height) == (160, 128)


def test_every_plane_of_a_stack_has_its_levels() -> None:
    planes = np.random.default_rng(1).integers(0, 9999, (3, 2, 64, 80), np.uint16)

    def write(file: tifffile.TiffWriter) -> None:
        file.write(planes, subifds=1, metadata={"axes": "ZCYX"}, tile=(32, 32))
        file.write(planes[..., ::2, ::2], subfiletype=1, tile=(32, 32))

    data = written(write, ome=True)
    found = read(data, level=1, z=2, channels=(1, 0))
    for index, c in enumerate((1, 0)):
        np.testing.assert_array_equal(found.pixels[..., index], planes[2, c, ::2, ::2])
    with pytest.raises(AmbiguousAxes):
        read(data, level=1)


def test_pages_of_other_sizes_are_pages() -> None:
    def write(file: tifffile.TiffWriter) -> None:
        for pixels in (BASE, BASE[:200], BASE[::2, ::2], BASE[:256, :100]):
            file.write(pixels, photometric="rgb", metadata=None)

    with pytest.raises(AmbiguousAxes, match="4 pages"):
        read(written(write))


@pytest.mark.parametrize("form", ["npy", "plain"])
def test_a_file_without_levels_says_so(form: str) -> None:
    buffer = io.BytesIO()
    _ = np.save(buffer, BASE) if form == "npy" else tifffile.imwrite(buffer, BASE)
    assert read(buffer.getvalue(), level=0).width == 320
    with pytest.raises(InvalidParameter, match="leave level out"):
        read(buffer.getvalue(), level=1)
