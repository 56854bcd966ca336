from __future__ import annotations

import io

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client import Detections, UnexpectedReply

OBJECTS = [
    {
        "id": 1,
        "label": "<WBC>",
        "class_id": 1,
        "score": 0.875,
        "box": {"xmin": 1.5, "ymin": 2, "xmax": 9, "ymax": 8.25},
        "uuid": "6f1c1ac1-0000-5000-8000-000000000001",
    },
    {
        "id": 2,
        "label": "RBC",
        "class_id": 0,
        "score": None,
        "box": {"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1},
        "uuid": "6f1c1ac1-0000-5000-8000-000000000002",
    },
]
CLASSES = [
    {"class_id": 0, "label": "RBC", "color": [255, 0, 0]},
    {"class_id": 1, "label": "<WBC>", "color": [0, 0, 255]},
]


@pytest.fixture
def answer(client, fake, enveloped):
    body = enveloped({"classes": CLASSES, "objects": OBJECTS}, "detect")
    body["image"] = {"width": 12, "height": 10, "sha256": "ab", "pixel_size": None}
    fake.reply = lambda _: httpx2.Response(200, json=body)
    return client.detect(b"pixels", "cells", classes=["RBC", 1], max_detections=7)


def test_a_sequence_of_objects(answer, fake):
    assert dict(fake.last.url.params) == {
        "model": "cells",
        "classes": "RBC,1",
        "max_detections": "7",
    }
    assert len(answer) == 2
    assert [found.label for found in answer] == list(answer.labels) == ["<WBC>", "RBC"]
    assert (answer[0].box.width, answer[0].box.height) == (7.5, 6.25)
    np.testing.assert_array_equal(answer.boxes, [[1.5, 2, 9, 8.25], [0, 0, 1, 1]])
    np.testing.assert_array_equal(answer.scores, [0.875, np.nan])
    assert answer.counts == {"RBC": 1, "<WBC>": 1}


def test_a_table(answer, tmp_path):
    lines = answer.save(tmp_path / "a.csv").read_text().splitlines()
    assert lines == ["id,label,class_id,score,xmin,ymin,xmax,ymax",
                     "1,<WBC>,1,0.875,1.5,2.0,9.0,8.25", "2,RBC,0,,0.0,0.0,1.0,1.0"]  # fmt: skip
    assert answer.to_pandas()["label"].tolist() == ["<WBC>", "RBC"]


def test_forms_of_other_tools_are_asked_for_again(answer, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"features": []})
    assert answer.to_geojson((5, 7.5), downsample=2) == {"features": []}
    asked = fake.last.url.params
    assert (asked["format"], asked["offset"], asked["downsample"]) == ("geojson", "5,7.5", "2")
    assert answer.to_coco() == {"features": []}
    assert fake.last.url.params["format"] == "coco"


@pytest.mark.parametrize(
    ("suffix", "form"), [(".png", "overlay"), (".zip", "rois"), (".geojson", "geojson")]
)
def test_what_the_service_draws_is_asked_for_again(answer, fake, tmp_path, suffix, form):
    fake.reply = lambda _: httpx2.Response(200, content=b"drawn")
    assert answer.save(tmp_path / f"a{suffix}").read_bytes() == b"drawn"
    assert dict(fake.last.url.params) == {
        "model": "cells",
        "classes": "RBC,1",
        "max_detections": "7",
        "format": form,
    }
    assert fake.last.content == b"pixels"


def test_plot_shows_what_the_service_draws(answer, fake):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    drawn = np.random.default_rng(0).integers(0, 255, (10, 12, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(drawn).save(stream, "PNG")
    fake.reply = lambda _: httpx2.Response(
        200, content=stream.getvalue(), headers={"Content-Type": "image/png"}
    )
    axes = answer.plot()
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), drawn)
    matplotlib.pyplot.close(axes.figure)
    np.testing.assert_array_equal(np.asarray(answer.picture(alpha=0.5)), drawn)
    assert fake.last.url.params["alpha"] == "0.5"


def test_a_notebook_sees_counts(answer):
    assert "<td>&lt;WBC&gt;</td><td>1</td>" in answer._repr_html_()


def test_a_reply_of_another_kind_is_named_as_one(enveloped):
    for result in ({}, {"objects": [{}], "classes": []}, {"objects": OBJECTS}):
        with pytest.raises(UnexpectedReply, match="detect"):
            Detections.from_json(enveloped(result))
