"""Masks in files and lists: what was stored, or a refusal."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from brightfield.errors import ConflictingParameter, InvalidRows
from brightfield.images import encode as encoding
from brightfield.images.limits import Limits
from brightfield.images.rle import encode
from brightfield.metrics.reading.mask_files import labels_of_file

LIMITS = Limits(10**7)
FAST = {"ci": {"method": "none"}}
LABELS = np.kron(np.array([[0, 1, 2], [3, 1, 0]], np.uint8), np.ones((6, 5), np.uint8))


def file(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def indexed(colours, labels=LABELS):
    image = Image.fromarray(labels).convert("P")
    image.putdata(labels.ravel().tolist())
    image.putpalette(colours)
    return image


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
GREY = [0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255]
WHITE = [0, 0, 0, *[255] * 9]


@pytest.mark.parametrize("colours", [VOC, GREY, WHITE])
@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF"])
def test_indices_of_a_palette_are_the_labels(colours, form):
    assert np.array_equal(labels_of_file(file(indexed(colours), form), LIMITS), LABELS)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_values_and_no_grey_levels(bits):
    labels = np.minimum(LABELS, 2**bits - 1)
    height, width = labels.shape
    wanted = (labels[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(wanted.reshape(height, -1), axis=1)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(own)) + name + own + struct.pack(">I", zlib.crc32(name + own))
        for name, own in parts
    )
    assert np.array_equal(labels_of_file(data, LIMITS), labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_tiff_planes_and_volumes(dtype):
    volume = np.stack([LABELS, LABELS * 2, LABELS[::-1]]).astype(dtype)
    assert np.array_equal(labels_of_file(tiff(LABELS.astype(dtype)), LIMITS), LABELS)
    assert np.array_equal(labels_of_file(tiff(volume, photometric="minisblack"), LIMITS), volume)
    if dtype is np.uint16:
        imagej = tiff(volume, imagej=True, metadata={"axes": "ZYX"})
        assert np.array_equal(labels_of_file(imagej, LIMITS), volume)


@pytest.mark.parametrize(
    "data",
    [
        file(Image.fromarray(LABELS), "JPEG"), file(Image.fromarray(LABELS), "WEBP", quality=80),
        tiff(LABELS, compression="jpeg"), file(Image.fromarray(LABELS), "JPEG", quality=100),
    ],
)  # fmt: skip
def test_files_that_lose_values_are_refused(data):
    with pytest.raises(InvalidRows, match="save masks as PNG, TIFF"):
        labels_of_file(data, LIMITS)


def test_a_lossless_webp_keeps_its_values():
    data = file(Image.fromarray(LABELS), "WEBP", lossless=True)
    assert np.array_equal(labels_of_file(data, LIMITS), LABELS)


def test_colours_and_further_axes_are_no_masks():
    colours = np.stack([LABELS, LABELS * 9, LABELS], axis=-1)
    with pytest.raises(InvalidRows, match="index of a palette"):
        labels_of_file(encoding.png(colours), LIMITS)
    stack = np.zeros((2, 3, 8, 9), np.uint8)
    with pytest.raises(InvalidRows, match=r"axes .*t \(2\)"):
        labels_of_file(tiff(stack, imagej=True, metadata={"axes": "TZYX"}), LIMITS)


def test_damage_is_told():
    with pytest.raises(Exception, match=r"damaged|ends|whole file|decoded"):
        labels_of_file(file(indexed(VOC), "GIF")[:60], LIMITS)


def data(truth, prediction):
    return {"pairs": [{"truth": truth, "prediction": prediction}]}


def array(mask):
    return {"array": np.asarray(mask).tolist()}


def rles(*masks):
    return {"rle": [encode(mask).json() for mask in masks]}


def squares():
    one, two = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    one[2:12, 2:12], two[6:16, 6:16] = True, True
    return one, two


def test_the_order_of_overlapping_objects_changes_nothing(evaluate):
    one, two = squares()
    reports = [
        evaluate("segmentation", data(rles(one, two), rles(*found)), mode="instance", **FAST)
        for found in ((one, two), (two, one))
    ]
    assert reports[0] == reports[1]
    assert reports[0]["metrics"]["pq"]["value"] == 1
    assert reports[0]["objects"] == {"true": 2, "found": 2, "merges": 0, "splits": 0}


def test_a_hidden_object_is_an_object(evaluate):
    small, large = np.zeros((20, 20), bool), np.ones((20, 20), bool)
    small[4:8, 4:8] = True
    report = evaluate(
        "segmentation", data(rles(small, large), rles(large)), mode="instance", **FAST
    )
    assert report["objects"]["true"] == 2
    assert report["metrics"]["pq"]["value"] == pytest.approx(2 / 3)
    report = evaluate(
        "segmentation", data(rles(small, large), array(large * 1)), mode="instance", **FAST
    )
    assert report["metrics"]["pq"]["value"] == pytest.approx(2 / 3)


def test_overlapping_classes_are_refused(evaluate):
    pair = data(rles(*squares()), array(squares()[0] * 1))
    with pytest.raises(InvalidRows, match="share 36 pixels"):
        evaluate("segmentation", pair, labels="ground,a,b", **FAST)
    # Foreground is foreground.
    assert evaluate("segmentation", pair, **FAST)["metrics"]["iou"]["value"] == 100 / 164


def test_an_empty_list_is_no_object(evaluate):
    one, two = squares()
    for prediction, found in ((rles(), 0), (rles(one), 1)):
        report = evaluate("segmentation", data(rles(one, two), prediction), mode="instance", **FAST)
        assert report["objects"]["found"] == found
    report = evaluate("segmentation", data(rles(), rles(one)), mode="instance", **FAST)
    assert (report["objects"]["true"], report["metrics"]["pq"]["value"]) == (0, 0)
    with pytest.raises(InvalidRows, match="no size"):
        evaluate("segmentation", data(rles(), rles()), mode="instance", **FAST)


def void(*rows):
    return np.array(rows)


def test_void_is_stated_or_asked_about(evaluate):
    truth = void([0, 0, 1, 255], [0, 0, 1, 255], [0, 255, 255, 255])
    perfect = np.where(truth == 255, 1, truth)
    pair = data(array(truth), array(perfect))
    for labels in (None, "ground,cell", "ground,cell,more"):
        report = evaluate("segmentation", pair, labels=labels, ignore=255, **FAST)
        assert report["metrics"]["iou"]["value"] == 1
        assert report["metrics"]["pixel_accuracy"]["value"] == 1
        assert np.sum(report["confusion"]["counts"]) == 7
        assert report["warnings"] == []
    for mask in (truth, np.where(truth == 1, 0, truth)):
        with pytest.raises(InvalidRows, match="ignore=255"):
            evaluate("segmentation", data(array(mask), array(perfect)), labels="a,b", **FAST)
    codes = [each["code"] for each in evaluate("segmentation", pair, **FAST)["warnings"]]
    assert "perhaps_void" in codes
    with pytest.raises(ConflictingParameter, match="ignore"):
        evaluate("segmentation", pair, ignore=0, **FAST)
    with pytest.raises(ConflictingParameter, match="ignore"):
        evaluate("segmentation", pair, ignore=1, labels="a,b", **FAST)
    nobody = evaluate(
        "segmentation", data(array(np.full((3, 3), 9)), array(np.eye(3, dtype=int))), ignore=9
    )
    assert nobody["metrics"]["pixel_accuracy"]["undefined"] == "only_void"
    assert nobody["metrics"]["iou"]["undefined"] == "both_empty"


def test_masks_of_foreground_in_instance_mode_are_noted(evaluate):
    parts = np.kron(np.eye(2, dtype=int), np.ones((5, 5), int))
    parts[:, 4:6] = 0
    for value in (1, 255, 7):
        report = evaluate(
            "segmentation", data(array(parts * value), array(parts * value)), mode="instance"
        )
        (warning,) = report["warnings"]
        assert warning["code"] == "one_object_in_parts"
        assert "1 true and 1 predicted masks of 1" in warning["detail"]
    whole = np.zeros((10, 10), int)
    whole[2:5, 2:5] = 255
    for mask in (whole, whole * 0, np.where(parts > 0, np.arange(10) // 5 + 1, 0)):
        report = evaluate("segmentation", data(array(mask), array(mask)), mode="instance")
        assert report["warnings"] == []


def codes(report):
    return [each["code"] for each in report["warnings"]]


def test_classes_in_instance_mode_are_noted_and_an_object_in_two_parts_is_not(evaluate):
    classes = np.kron(np.array([[1, 0, 1, 0], [0, 2, 0, 2]]), np.ones((3, 3), int))
    objects = np.kron(np.array([[1, 0, 1, 0], [0, 2, 0, 3]]), np.ones((3, 3), int))
    found = [
        evaluate("segmentation", data(array(mask), array(mask)), mode="instance", **FAST)
        for mask in (classes, objects)
    ]
    assert [codes(report) for report in found] == [["one_object_in_parts"], []]


@pytest.mark.parametrize("values", [(1, 2), (1, 254), (100, 200)])
def test_several_values_that_count_as_one_foreground_are_noted(values, evaluate):
    mask = np.array([[0, values[0], values[1]]])
    plain = np.array([[0, 1, 1]])
    for pair in (data(array(mask), array(plain)), data(array(plain), array(mask))):
        report = evaluate("segmentation", pair, **FAST)
        assert report["metrics"]["iou"]["value"] == 1
        assert codes(report) == ["several_values"]
    one = evaluate("segmentation", data(array(plain * 200), array(plain)), **FAST)
    assert codes(one) == []


def test_the_greatest_value_of_16_bits_may_be_void_too_and_objects_may_meet_void(evaluate):
    truth = np.array([[0, 1, 2, 65535]])
    for mode in ("semantic", "instance"):
        report = evaluate("segmentation", data(array(truth), array(truth)), mode=mode, **FAST)
        assert "perhaps_void" in codes(report)


def test_places_in_a_list_of_objects_are_no_void(evaluate):
    """With ignore=2 the second object counts, since nobody gave it that value."""
    first, second = np.zeros((2, 6, 6), bool)
    first[:2], second[4:] = True, True
    both = {"rle": [encode(first).json(), encode(second).json()]}
    report = evaluate("segmentation", data(both, both), mode="instance", ignore=2, **FAST)
    assert report["objects"]["true"] == report["objects"]["found"] == 2


def test_transparency_that_may_be_the_mask_is_refused():
    mask = np.zeros((4, 4), np.uint8)
    mask[1:3] = 255
    white = np.full_like(mask, 255)
    hidden, same = (
        file(Image.fromarray(np.stack([values, mask], -1), "LA")) for values in (white, mask)
    )
    with pytest.raises(InvalidRows, match="transparent"):
        labels_of_file(hidden, LIMITS)
    np.testing.assert_array_equal(labels_of_file(same, LIMITS), mask)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_every_kind_of_file_is_turned_as_photographs_are_and_said_so(orientation, evaluate):
    exif = Image.Exif()
    exif[274] = orientation
    grey, palette = Image.fromarray(LABELS), indexed(VOC)
    with Image.open(io.BytesIO(file(grey, exif=exif))) as tagged:
        upright = np.asarray(ImageOps.exif_transpose(tagged))
    files = [
        file(grey, exif=exif),
        file(palette, exif=exif),
        file(grey, "WEBP", lossless=True, exif=exif),
        tiff(LABELS, extratags=[(274, "H", 1, orientation, True)]),
        file(palette, "TIFF", exif=exif),
    ]
    for each in files:
        np.testing.assert_array_equal(labels_of_file(each, LIMITS), upright)
        sent = {"png": base64.b64encode(each).decode()}
        report = evaluate("segmentation", data(sent, array(upright)), mode="instance", **FAST)
        assert report["metrics"]["iou"]["value"] == 1
        assert "orientation_applied" in codes(report)
