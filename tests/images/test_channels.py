"""Channels by what the file says: separate or colour, and their names."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from brightfield.errors import UndecodableImage
from brightfield.images.channels import NO_NEEDS, NamedChannel, ReadingNeeds
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection

PLANES = np.arange(3 * 12 * 17, dtype=np.uint16).reshape(3, 12, 17)
NAMES = ["GFP (488 nm)", "DAPI_405", "mCherry"]
NUCLEI = ReadingNeeds(channels=(NamedChannel("nuclei", ("DAPI", "Hoechst")),))


def saved(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def read(data: bytes, needs: ReadingNeeds = NO_NEEDS, **chosen: Any) -> Picture:
    selection = Selection.model_validate(chosen)
    return decode(data, selection, limits=Limits(10**6), needs=needs)


INFO = "\n".join(f" Channel Name #{i} = {name}" for i, name in enumerate(NAMES, 1))
NAMED = {
    "ome": saved(
        PLANES,
        ome=True,
        photometric="minisblack",
        metadata={"axes": "CYX", "Channel": {"Name": NAMES}},
    ),
    "labels": saved(PLANES, imagej=True, metadata={"axes": "CYX", "Labels": NAMES}),
    "info": saved(PLANES, imagej=True, metadata={"axes": "CYX", "Info": INFO}),
    # Its writer takes three rows of values for colours, whatever the axes are called.
    "tifffile, as colours": saved(
        PLANES,
        photometric="rgb",
        planarconfig="separate",
        metadata={"axes": "CYX", "Channel": {"Name": NAMES}},
    ),
    "tifffile": saved(
        PLANES, photometric="minisblack", metadata={"axes": "CYX", "Channel": {"Name": NAMES}}
    ),
}


@pytest.mark.parametrize("data", NAMED.values(), ids=NAMED)
def test_the_channel_of_the_cards_name_is_picked(data: bytes) -> None:
    everything = read(data)
    assert everything.facts.separate and everything.facts.names == tuple(NAMES)
    picked = read(data, NUCLEI)
    np.testing.assert_array_equal(picked.pixels[..., 0], PLANES[1])
    assert [note.code for note in picked.notes] == ["channel_chosen"]
    assert picked.address.channels == (1,)
    own = read(data, NUCLEI, channels="2")
    np.testing.assert_array_equal(own.pixels[..., 0], PLANES[2])
    assert own.notes == ()


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["DAPI damage", "dapi"], 1),  # an exact name wins
        (["Hoechst33342", "phalloidin"], 0),
        (["DAPI", "Hoechst"], None),
        (["C0", "C1"], None),
        (["dapitest", "indapi"], None),  # parts of words are others
    ],
)
def test_a_name_is_known_by_its_words(names: list[str], place: int | None) -> None:
    assert NUCLEI.channels[0].match(names) == place


def test_colours_are_not_separate() -> None:
    colour = np.moveaxis(PLANES, 0, 2).astype(np.uint8)
    for options in ({"photometric": "rgb"}, {"photometric": "rgb", "ome": True}):
        assert not read(saved(colour, **options)).facts.separate
    assert not read(saved(colour, imagej=True, metadata={"axes": "YXS"})).facts.separate
    grey = saved(colour, photometric="minisblack", planarconfig="contig", metadata=None)
    assert read(grey).facts.separate  # several values, and no colour
    apart = np.moveaxis(PLANES, 0, 2)
    file = io.BytesIO()
    np.save(file, apart)
    assert not read(file.getvalue()).facts.separate
    assert read(file.getvalue(), axes="YXC").facts.separate


def test_the_callers_axes_decide_whether_samples_are_colours() -> None:
    colour = np.moveaxis(PLANES, 0, 2).astype(np.uint8)
    grey = saved(colour, photometric="minisblack", planarconfig="contig", metadata=None)
    pages = saved(np.moveaxis(colour, 2, 0), photometric="minisblack", metadata=None)
    assert not read(grey, axes="YXS").facts.separate
    assert not read(pages, axes="SYX").facts.separate
    for kind in ("PNG", "WEBP", "JPEG", "BMP"):
        file = io.BytesIO()
        Image.fromarray(colour).save(file, kind)
        assert not read(file.getvalue()).facts.separate
        assert read(file.getvalue(), axes="YXC").facts.separate
        deep = read(file.getvalue(), axes="YXZ", z=1)
        assert (deep.address.z, deep.channels) == (1, 1)


def test_colour_beside_grey_is_refused() -> None:
    data = NAMED["ome"].replace(b'SamplesPerPixel="1"', b'SamplesPerPixel="3"', 1)
    with pytest.raises(UndecodableImage, match="colour beside grey"):
        read(data)
