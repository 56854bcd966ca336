from __future__ import annotations

import base64
import copy
import io
import json

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client import Segmentation, UnexpectedReply
from brightfield_client.calls.endpoints import ENDPOINTS

LABELS = np.array([[1, 1, 0], [1, 2, 2]], np.uint16)
OBJECT = {
    "label": "nucleus",
    "class_id": 0,
    "score": 0.5,
    "centroid": {"x": 1.0, "y": 1.0},
    "mean_intensity": [3.5],
    "rle": {"size": [2, 3], "counts": "01"},
    "uuid": "6f1c1ac1-0000-5000-8000-000000000000",
}
OBJECTS = [
    {**OBJECT, "id": 1, "area_px": 3, "box": {"xmin": 0, "ymin": 0, "xmax": 2, "ymax": 2}},
    {**OBJECT, "id": 2, "area_px": 2, "box": {"xmin": 1, "ymin": 1, "xmax": 3, "ymax": 2}},
]
OUTLINES = [  # of each object the polygons, of each polygon the rings
    [[[[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]]]],
    [[[[1, 1], [3, 1], [3, 2], [1, 2]]]],
]
CLASSES = [
    {"class_id": 0, "label": "nucleus", "color": [0, 200, 100], "area_px": 5},
    {"class_id": 1, "label": "other", "color": [9, 9, 9], "area_px": 0},
]


def png(labels: np.ndarray) -> dict[str, object]:
    stream = io.BytesIO()
    Image.fromarray(labels).save(stream, "PNG")
    return {"format": "png", "bits": 16, "data": base64.b64encode(stream.getvalue()).decode()}


def tiff(labels: np.ndarray) -> dict[str, object]:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(stream, labels, compression="zlib", photometric="minisblack")
    bits = 8 * labels.dtype.itemsize
    return {"format": "tiff", "bits": bits, "data": base64.b64encode(stream.getvalue()).decode()}


@pytest.fixture
def envelope(enveloped):
    objects = [{**o, "outline": ring} for o, ring in zip(OBJECTS, OUTLINES, strict=True)]
    result = {"mode": "instance", "classes": CLASSES, "objects": objects, "mask": png(LABELS)}
    body = enveloped(result, "segment")
    return {**body, "image": {"width": 3, "height": 2, "sha256": "ab", "pixel_size": 0.25}}


@pytest.fixture
def answer(client, fake, envelope):
    fake.reply = lambda _: httpx2.Response(200, json=envelope)
    return client.segment(b"x", mode="instance")


def test_the_objects_and_their_pixels(answer, fake):
    assert dict(fake.last.url.params) == {"mode": "instance", "outlines": "true"}
    assert answer.labels.dtype == np.uint16
    np.testing.assert_array_equal(answer.labels, LABELS)
    assert [found.id for found in answer] == [1, 2]
    assert (answer[0].area_px, answer[0].area_um2, answer[1].box.width) == (3, None, 2)
    assert answer.counts == {"nucleus": 2, "other": 0}
    assert answer[1].polygons[0][0].tolist() == [[1, 1], [3, 1], [3, 2], [1, 2]]


def test_masks(answer):
    np.testing.assert_array_equal(answer.mask(2), LABELS == 2)
    np.testing.assert_array_equal(answer.mask("nucleus"), LABELS > 0)
    assert not answer.mask("other").any()
    for wrong in (3, "nuclei"):
        with pytest.raises(KeyError, match=str(wrong)):
            answer.mask(wrong)


@pytest.mark.parametrize("shape", [(3, 4), (1, 1)])
def test_labels_of_32_bits(envelope, shape):
    labels = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape) + 70_000
    envelope["result"]["mask"] = tiff(labels)
    answer = Segmentation.from_json(envelope)
    assert answer.labels.dtype == np.uint32
    np.testing.assert_array_equal(answer.labels, labels)


def test_saved_labels(answer, envelope, tmp_path):
    with Image.open(answer.save(tmp_path / "a.png")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), LABELS)
    np.testing.assert_array_equal(np.load(answer.save(tmp_path / "a.npy")), LABELS)
    with pytest.raises(ValueError, match=r"\.png, .*not as '\.jpg'"):
        answer.save(tmp_path / "a.jpg")
    envelope["result"]["mask"] = tiff(LABELS.astype(np.uint32) + 70_000)
    many = Segmentation.from_json(envelope)
    with pytest.raises(ValueError, match="65535"):
        many.save(tmp_path / "many.png")


def test_a_saved_answer_is_one(answer, tmp_path):
    again = Segmentation.from_json(json.loads(answer.save(tmp_path / "a.json").read_text()))
    np.testing.assert_array_equal(again.labels, answer.labels)
    assert again.to_dict() == answer.to_dict()
    for use in (lambda: again.again("rois"), again.to_geojson, again.plot):
        with pytest.raises(ValueError, match="no longer knows its question"):
            use()


def test_without_outlines_there_are_none(client, fake, envelope):
    for found in envelope["result"]["objects"]:
        del found["outline"]
    fake.reply = lambda _: httpx2.Response(200, json=envelope)
    answer = client.segment(b"x", outlines=False)
    assert fake.last.url.params["outlines"] == "false"
    assert answer[0].polygons is None


def test_outlines_are_not_asked_for_in_vain(client, fake):
    client.segment(b"x", format="tiff", threshold=0.25)
    assert dict(fake.last.url.params) == {"format": "tiff", "threshold": "0.25"}


def test_a_table(answer):
    frame = answer.to_pandas()
    assert frame["area_px"].tolist() == [3, 2]
    assert frame["centroid_x_um"].tolist() == [0.25, 0.25]
    assert frame.columns[-1] == "mean_intensity"


@pytest.mark.parametrize(("axes", "means"), [("YX", [""]), ("YXC", ["_1", "_2", "_3"])])
def test_a_table_without_objects_has_the_same_columns(client, fake, envelope, axes, means):
    envelope["result"]["objects"] = [
        {**found, "mean_intensity": [3.5] * len(means)} for found in envelope["result"]["objects"]
    ]
    envelope["image"]["axes"] = axes
    fake.reply = lambda _: httpx2.Response(200, json=envelope)
    full = client.segment(b"x").to_pandas()
    envelope["result"]["objects"] = []
    empty = client.segment(b"x").to_pandas()
    assert empty.columns.tolist() == full.columns.tolist()
    assert full.columns.tolist()[-len(means) :] == [f"mean_intensity{mean}" for mean in means]
    assert len(empty) == 0


def test_a_notebook_sees_the_services_picture_and_the_counts(client, fake, answer):
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), (0, 200, 100)).save(stream, "PNG")
    said = {"Content-Type": "image/png"}
    fake.reply = lambda _: httpx2.Response(200, content=stream.getvalue(), headers=said)
    html = answer._repr_html_()
    assert html.startswith("<img") and "<td>nucleus</td><td>2</td>" in html
    asked = fake.last.url.params
    assert (asked["format"], asked["paint"], asked["legend"]) == ("overlay", "object", "true")
    assert "<img" not in copy.deepcopy(answer)._repr_html_()


@pytest.mark.parametrize("key", ["mask", "objects", "classes", "mode"])
def test_a_reply_of_another_kind_is_named_as_one(envelope, key):
    del envelope["result"][key]
    with pytest.raises(UnexpectedReply, match="segment"):
        ENDPOINTS["segment"].parse(envelope)
    with pytest.raises(UnexpectedReply, match="segment"):
        ENDPOINTS["segment"].parse(
            {"result": {**envelope["result"], "mask": {"bits": 16, "data": "AAAA"}}}
        )
