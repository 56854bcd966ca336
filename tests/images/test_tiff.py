"""TIFF: depths, axes, colours, compression and damage, against tifffile and Pillow."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image, ImageOps

from brightfield.errors import (
    AmbiguousAxes,
    InvalidParameter,
    TooManyPixels,
    TruncatedImage,
    UndecodableImage,
)
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection

MANY = 10**8
CAT = skimage.data.chelsea()[:48, :64]
Array = np.ndarray[Any, Any]


def saved(array: Array, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def by_pillow(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "TIFF", **options)
    return file.getvalue()


def read(data: bytes, **chosen: Any) -> Picture:
    return decode(data, Selection.model_validate(chosen), limits=Limits(MANY))


def ramp(*shape: int, dtype: str = "u2") -> Array:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_every_type_is_kept(dtype: str, order: str, big: bool) -> None:
    array = ramp(12, 17, dtype=dtype)
    found = read(saved(array, byteorder=order, bigtiff=big))
    np.testing.assert_array_equal(found.pixels[..., 0], array)
    assert found.pixels.dtype == np.dtype(dtype)
    assert found.pixels.dtype.isnative


@pytest.mark.parametrize("how", ["lzw", "zlib", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("layout", [{}, {"tile": (32, 32)}, {"rowsperstrip": 7}])
def test_compression_is_lossless(how: str, layout: dict[str, Any]) -> None:
    array = ramp(48, 64)
    predictor = how in ("lzw", "zlib")
    data = saved(array, compression=how, predictor=predictor, **layout)
    np.testing.assert_array_equal(read(data).pixels[..., 0], array)


@pytest.mark.parametrize("layout", [{}, {"tile": (32, 32)}])
def test_jpeg_within_tiff(layout: dict[str, Any]) -> None:
    data = saved(CAT, photometric="rgb", compression="jpeg", **layout)
    expected = tifffile.imread(io.BytesIO(data))
    np.testing.assert_array_equal(read(data).pixels, expected)
    assert np.abs(expected.astype(int) - CAT).mean() < 10


@pytest.mark.parametrize("how", [None, "group4"])
def test_bilevel_is_0_and_255(how: str | None) -> None:
    image = Image.fromarray(CAT).convert("1")
    data = by_pillow(image, compression=how)
    np.testing.assert_array_equal(read(data).pixels[..., 0], np.asarray(image.convert("L")))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_in_both_layouts(planar: str) -> None:
    stored = CAT if planar == "contig" else np.moveaxis(CAT, 2, 0)
    found = read(saved(stored, photometric="rgb", planarconfig=planar))
    np.testing.assert_array_equal(found.pixels, CAT)


def test_alpha_is_dropped_only_where_it_is_alpha() -> None:
    four = np.dstack([CAT, CAT[..., 0]])
    alpha = read(saved(four, photometric="rgb", extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(alpha.pixels, CAT)
    assert [note.code for note in alpha.notes] == ["alpha_dropped"]
    other = read(saved(four, photometric="rgb", extrasamples=["unspecified"]))
    np.testing.assert_array_equal(other.pixels, four)


def test_inks() -> None:
    image = Image.fromarray(CAT).convert("CMYK")
    found = read(by_pillow(image))
    assert np.abs(found.pixels.astype(int) - np.asarray(image.convert("RGB"))).max() <= 1
    assert [note.code for note in found.notes] == ["cmyk_converted"]


def test_palette() -> None:
    image = Image.fromarray(CAT).quantize(60)
    found = read(by_pillow(image))
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGB")))
    assert [note.code for note in found.notes] == ["palette_converted"]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_is_zero(dtype: str) -> None:
    array = ramp(9, 11, dtype=dtype)
    found = read(saved(array, photometric="miniswhite"))
    np.testing.assert_array_equal(found.pixels[..., 0], np.iinfo(dtype).max - array)
    assert [note.code for note in found.notes] == ["white_is_zero"]


def test_a_mask_whose_writer_says_white_is_zero_is_turned_round_with_a_note() -> None:
    mask = ramp(9, 11) % 3 == 0
    found = read(saved(mask))  # tifffile writes bool so
    np.testing.assert_array_equal(found.pixels[..., 0], np.where(mask, 0, 255))
    assert [note.code for note in found.notes] == ["white_is_zero"]


@pytest.mark.parametrize("tag", range(1, 9))
def test_orientation(tag: int) -> None:
    data = saved(CAT, photometric="rgb", extratags=[(274, 3, 1, tag, True)])
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    found = read(data)
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.orientation_applied == tag
    np.testing.assert_array_equal(read(data, orientation="ignore").pixels, CAT)


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_named_axes(kind: str) -> None:
    array = ramp(2, 3, 4, 12, 17)
    data = saved(array, **{kind: True}, metadata={"axes": "TZCYX"})
    with pytest.raises(AmbiguousAxes, match=r"z=0 \(0 to 2\) and t=0 \(0 to 1\)"):
        read(data)
    found = read(data, t=1, z=2)
    np.testing.assert_array_equal(found.pixels, array[1, 2].transpose(1, 2, 0))
    assert found.source_axes == "TZCYX"
    picked = read(data, t=0, z=1, channels="3,1")
    np.testing.assert_array_equal(picked.pixels, array[0, 1, [3, 1]].transpose(1, 2, 0))
    with pytest.raises(InvalidParameter, match="z=0 to z=2"):
        read(data, t=0, z=3)


def test_ome_in_another_order() -> None:
    array = ramp(3, 4, 12, 17)
    data = saved(array, ome=True, metadata={"axes": "CZYX"})
    found = read(data, z=2)
    np.testing.assert_array_equal(found.pixels, array[:, 2].transpose(1, 2, 0))


def test_ome_scenes_are_pages() -> None:
    file = io.BytesIO()
    scenes = [ramp(12, 17), ramp(9, 8) + 1]
    with tifffile.TiffWriter(file, ome=True) as writer:
        for scene in scenes:
            writer.write(scene, metadata={"axes": "YX"})
    with pytest.raises(AmbiguousAxes, match="page=0"):
        read(file.getvalue())
    for page, scene in enumerate(scenes):
        np.testing.assert_array_equal(read(file.getvalue(), page=page).pixels[..., 0], scene)


def test_ome_planes_of_another_file_are_not_looked_for() -> None:
    array = ramp(2, 12, 17)
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
        'SizeX="17" SizeY="12" SizeZ="2" SizeC="1" SizeT="1">'
        '<TiffData IFD="0" FirstZ="0"><UUID FileName="here.tif">urn:uuid:a</UUID></TiffData>'
        '<TiffData IFD="1" FirstZ="1"><UUID FileName="/etc/passwd">urn:uuid:b</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    data = saved(array, description=xml, metadata=None)
    np.testing.assert_array_equal(read(data, z=0).pixels[..., 0], array[0])
    with pytest.raises(UndecodableImage, match="another file"):
        read(data, z=1)


def test_plain_pages_need_page_or_axes() -> None:
    array = ramp(5, 12, 17)
    data = saved(array, metadata=None)
    with pytest.raises(AmbiguousAxes, match=r"page=0 \(0 to 4\), or name the axes.*axes=ZYX"):
        read(data)
    np.testing.assert_array_equal(read(data, page=3).pixels[..., 0], array[3])
    np.testing.assert_array_equal(read(data, axes="ZYX", z=4).pixels[..., 0], array[4])
    np.testing.assert_array_equal(read(data, axes="CYX").pixels, array.transpose(1, 2, 0))


def test_pages_may_differ() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(CAT, photometric="rgb", metadata=None)
        writer.write(ramp(9, 8), photometric="minisblack", metadata=None)
    np.testing.assert_array_equal(read(file.getvalue(), page=0, channels="2").pixels, CAT[..., 2:])
    np.testing.assert_array_equal(read(file.getvalue(), page=1).pixels[..., 0], ramp(9, 8))


def test_thumbnails_are_no_pages() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(CAT, photometric="rgb", metadata=None)
        writer.write(CAT[::4, ::4], photometric="rgb", metadata=None, subfiletype=1)
    np.testing.assert_array_equal(read(file.getvalue()).pixels, CAT)


def test_imagej_planes_behind_one_page() -> None:
    array = ramp(6, 12, 17)
    text = "ImageJ=1.54f\nimages=6\nslices=6\n"
    one = saved(array[:1], byteorder=">", description=text, metadata=None)
    with tifffile.TiffFile(io.BytesIO(one)) as tif:
        start = tif.pages.first.dataoffsets[0]
    data = one[:start] + array.astype(">u2").tobytes()
    np.testing.assert_array_equal(read(data, z=4).pixels[..., 0], array[4])
    with pytest.raises(TruncatedImage):
        read(data[:-1], z=0)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}},
         0.25),
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 325.0, "PhysicalSizeY": 325.0,
          "PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}}, 0.325),
        ({"imagej": True, "resolution": (4, 4), "metadata": {"unit": "um"}}, 0.25),
        ({"imagej": True, "resolution": (4, 4), "metadata": {"unit": "pixel"}}, None),
        ({"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}, 0.5),
        ({"resolution": (25400, 25400), "resolutionunit": "INCH"}, 1.0),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (4, 4), "resolutionunit": "NONE"}, None),
        ({"resolution": (1, 1), "resolutionunit": "MICROMETER"}, 1.0),
        ({"ome": True, "metadata": {"axes": "YX"}, "resolution": (20000, 20000),
          "resolutionunit": "CENTIMETER"}, 0.5),
        ({"imagej": True, "resolution": (0.004, 0.004), "metadata": {"unit": "micrometers"}}, 250),
        ({"imagej": True, "resolution": (0.004, 0.004), "metadata": {"unit": "nanometers"}}, 0.25),
        ({"imagej": True, "resolution": (4000, 4000), "metadata": {"unit": "Millimeter"}}, 0.25),
        ({"imagej": True, "resolution": (4e6, 4e6), "metadata": {"unit": "meter"}}, 0.25),
        ({"imagej": True, "resolution": (4, 0.004), "metadata": {"unit": "um", "yunit": "nm"}},
         0.25),
        ({"description": "Aperio Image Library v10|AppMag = 40|MPP = 0.2520|Left = 3"}, 0.252),
        ({}, None),
    ],
)  # fmt: skip
def test_pixel_size_only_where_the_unit_is_known(
    options: dict[str, Any], size: float | None
) -> None:
    data = saved(ramp(12, 17), **options)
    found = read(data).pixel_size
    assert found == (None if size is None else pytest.approx(size, rel=1e-3))
    assert read(data, pixel_size=2.0).pixel_size == 2.0


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"resolution": (240, 240), "resolutionunit": "INCH"}, None),
        ({"resolution": (1200, 1200), "resolutionunit": "INCH"}, None),
        ({"resolution": (28, 28), "resolutionunit": "CENTIMETER"}, None),
        ({"imagej": True, "resolution": (300, 300), "metadata": {"unit": "inch"}}, None),
        ({"imagej": True, "resolution": (118, 118), "metadata": {"unit": "cm"}}, None),
        ({"imagej": True, "resolution": (10, 10), "metadata": {"unit": "mm"}}, 100.0),
        ({"resolution": (1300, 1300), "resolutionunit": "INCH"}, 19.54),
    ],
)
def test_a_resolution_for_printing_is_doubted(options: dict[str, Any], size: float | None) -> None:
    data = saved(ramp(12, 17), **options)
    found = read(data)
    assert found.pixel_size == (None if size is None else pytest.approx(size, rel=1e-3))
    assert [note.code for note in found.notes] == ["pixel_size_doubtful"] * (size is None)
    assert not read(data, pixel_size=2.0).notes


@pytest.mark.parametrize(
    ("metadata", "depth"),
    [
        ({"spacing": 2.0, "unit": "um"}, 2.0),
        ({"spacing": -500.0, "unit": "um", "zunit": "nm"}, 0.5),
        ({"spacing": 2.0}, None),
    ],
)
def test_depth_of_imagejs_stacks(metadata: dict[str, Any], depth: float | None) -> None:
    data = saved(ramp(3, 12, 17), imagej=True, metadata={"axes": "ZYX", **metadata})
    assert read(data, z=1).spacing == depth


def test_pixels_that_are_not_square_have_no_size() -> None:
    found = read(saved(ramp(9, 9), resolution=(20000, 10000), resolutionunit="CENTIMETER"))
    assert found.pixel_size is None
    assert [note.code for note in found.notes] == ["pixels_not_square"]


def test_only_the_planes_that_are_read_count() -> None:
    data = saved(ramp(6, 10, 10), metadata={"axes": "ZYX"})
    assert decode(data, Selection(z=5), limits=Limits(100)).width == 10
    channels = saved(ramp(6, 10, 10), metadata={"axes": "CYX"})
    with pytest.raises(TooManyPixels):
        decode(channels, limits=Limits(599))
    assert decode(channels, Selection(channels=(4,)), limits=Limits(100)).channels == 1


def test_sizes_are_checked_before_decoding() -> None:
    data = bytearray(saved(np.zeros((8, 8), np.uint8), compression="zlib", metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        places = [tif.pages.first.tags[code].valueoffset for code in (256, 257)]
    for place in places:
        data[place : place + 2] = (60_000).to_bytes(2, "little")
    with pytest.raises(TooManyPixels, match="60000 x 60000"):
        read(bytes(data))


@pytest.mark.parametrize("how", [None, "zlib", "lzw", "jpeg"])
@pytest.mark.parametrize("writer", ["tifffile", "pillow"])
def test_cut_anywhere_is_truncated(how: str | None, writer: str) -> None:
    if writer == "tifffile":
        data = saved(CAT, photometric="rgb", compression=how)
    else:
        kind = {"zlib": "tiff_adobe_deflate", "lzw": "tiff_lzw"}.get(how or "", how)
        data = by_pillow(Image.fromarray(CAT), compression=kind)
    whole = read(data).pixels
    harmless = 0
    for end in (*range(4, len(data) - 40, 97), *range(len(data) - 40, len(data))):
        try:
            found = read(data[:end]).pixels
        except TruncatedImage:
            continue
        np.testing.assert_array_equal(found, whole)  # padding behind the last pixel or tag
        harmless += 1
    assert harmless <= 12


def test_strips_without_data_are_not_filled_in() -> None:
    data = bytearray(saved(ramp(48, 64), rowsperstrip=12, compression="zlib", metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        counts = tif.pages.first.tags[279]
    data[counts.valueoffset : counts.valueoffset + counts.valuebytecount] = bytes(
        counts.valuebytecount
    )
    with pytest.raises(UndecodableImage, match="without data"):
        read(bytes(data))


def test_a_circle_of_directories_ends() -> None:
    data = bytearray(saved(ramp(8, 8), metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        page = tif.pages.first
        end = page.offset + 2 + 12 * len(page.tags)
        data[end : end + 4] = page.offset.to_bytes(4, "little")
    with pytest.raises(UndecodableImage, match="circle"):
        read(bytes(data))


@pytest.mark.parametrize("code", [256, 257, 277])
@pytest.mark.parametrize(("kind", "count"), [(4, 6), (1, 4), (2, 4), (9, 1)])
def test_a_size_that_is_not_one_number_is_refused_in_little_memory(
    code: int, kind: int, count: int
) -> None:
    data = bytearray(saved(ramp(8, 8), metadata=None))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        places = {tag.code: tag.offset for tag in tif.pages.first.tags}
    for place in (places[256], places[257]):  # long, so that repeating a tuple shows
        data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, 1 << 24)
    data[places[code] + 2 : places[code] + 8] = struct.pack("<HI", kind, count)
    tracemalloc.start()
    try:
        with pytest.raises(UndecodableImage, match=f"tag {code}"):
            read(bytes(data))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_complex_samples_are_refused() -> None:
    with pytest.raises(UndecodableImage, match="real numbers"):
        read(saved(np.zeros((8, 8), np.complex64)))


@pytest.mark.parametrize("xml", ["<OME", "<!DOCTYPE x [<!ENTITY a 'b'>]><OME>&a;</OME>"])
def test_malformed_ome_falls_back_to_pages(xml: str) -> None:
    text = f"<?xml version='1.0'?>{xml}<!-- openmicroscopy --></OME>"
    array = ramp(3, 12, 17)
    data = saved(array, description=text, photometric="minisblack", metadata=None)
    np.testing.assert_array_equal(read(data, page=2).pixels[..., 0], array[2])


@pytest.mark.parametrize("behind", [2, 60, 200])
def test_a_jpeg_strip_that_ends_early_is_not_filled_with_grey(behind: int) -> None:
    data = bytearray(saved(CAT, photometric="rgb", compression="jpeg", rowsperstrip=48))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tif:
        page = tif.pages.first
        (start,), (count,) = page.dataoffsets, page.databytecounts
    # The strip keeps its length: only the JPEG within says that it is cut.
    data[start + count - behind : start + count] = bytes(behind)
    with pytest.raises(TruncatedImage):
        read(bytes(data))


def test_samples_over_pages_are_channels() -> None:
    array = ramp(3, 12, 17)
    data = saved(array, photometric="minisblack", metadata={"axes": "SYX"})
    found = read(data)
    np.testing.assert_array_equal(found.pixels, array.transpose(1, 2, 0))
    assert found.source_axes == "CYX"


def test_colour_pages_get_an_example_that_works() -> None:
    array = np.stack([CAT, CAT[::-1]])
    data = saved(array, photometric="rgb", metadata=None)
    with pytest.raises(AmbiguousAxes, match="axes=ZYXS"):
        read(data)
    np.testing.assert_array_equal(read(data, axes="ZYXS", z=1).pixels, array[1])


@pytest.mark.parametrize("how", ["zlib", "zstd", "lzma", "lzw", "packbits"])
def test_a_strip_that_unpacks_to_fewer_rows_is_refused(how: str) -> None:
    few = saved(ramp(10, 64, dtype="u1"), compression=how, rowsperstrip=48, metadata=None)
    data = bytearray(few)
    with tifffile.TiffFile(io.BytesIO(few)) as tif:
        height = tif.pages.first.tags[257]
    data[height.valueoffset : height.valueoffset + 2] = (48).to_bytes(2, "little")
    with pytest.raises(UndecodableImage):
        read(bytes(data))


def test_few_bits_and_many() -> None:
    twelve = (ramp(12, 17) * 20).astype(np.uint16)
    found = read(saved(twelve, compression=None, bitspersample=12, metadata=None))
    np.testing.assert_array_equal(found.pixels[..., 0], twelve)
    four = ramp(4, 16, dtype="u1") % 16
    stretched = read(saved(four, bitspersample=4, metadata=None))
    np.testing.assert_array_equal(stretched.pixels[..., 0], four * 17)
