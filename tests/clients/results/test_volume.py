from __future__ import annotations

import base64
import io

import httpx2
import numpy as np
import pytest

from brightfield_client import UnexpectedReply, Volume

tifffile = pytest.importorskip("tifffile")


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 5, (3, 4, 6))


@pytest.fixture
def envelope(enveloped, labels):
    stream = io.BytesIO()
    tifffile.imwrite(stream, labels.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})
    data = base64.b64encode(stream.getvalue()).decode()
    box = {"xmin": 0, "ymin": 1, "zmin": 0, "xmax": 6, "ymax": 4, "zmax": 3}
    solid = {
        "id": 1,
        "label": "cell",
        "class_id": 0,
        "score": 0.75,
        "box": box,
        "voxels": 12,
        "centroid": {"x": 3.0, "y": 2.0, "z": 1.5},
    }
    classes = [{"class_id": 0, "label": "cell", "color": [1, 2, 3]}]
    mask = {"format": "tiff", "bits": 16, "data": data}
    result = {"mode": "instance", "planes": 3, "classes": classes, "objects": [solid], "mask": mask}
    return enveloped(result, "segment")


def test_a_volume(client, fake, envelope, labels, tmp_path):
    fake.reply = lambda _: httpx2.Response(200, json=envelope)
    answer = client.segment(b"x", volume=True, link=0.5)
    assert dict(fake.last.url.params) == {"volume": "true", "link": "0.5"}
    np.testing.assert_array_equal(answer.labels, labels)
    assert (answer[0].zmin, answer[0].zmax, answer[0].centroid) == (0, 3, (3.0, 2.0, 1.5))
    assert answer.to_pandas().iloc[0].tolist()[4:10] == [0, 1, 0, 6, 4, 3]
    np.testing.assert_array_equal(tifffile.imread(answer.save(tmp_path / "v.tiff")), labels)
    np.testing.assert_array_equal(np.load(answer.save(tmp_path / "v.npy")), labels)
    assert "<td>cell</td><td>1</td>" in answer._repr_html_()
    answer.save(tmp_path / "v.zip")
    assert fake.last.url.params["format"] == "rois"


def test_the_middle_in_micrometres(client, fake, envelope):
    envelope["image"] = {"pixel_size": 0.5, "spacing": 2.0}
    envelope["result"]["objects"][0]["volume_um3"] = 7.0
    fake.reply = lambda _: httpx2.Response(200, json=envelope)
    frame = client.segment(b"x", volume=True).to_pandas()
    names = ["centroid_x_um", "centroid_y_um", "centroid_z_um", "volume_um3"]
    assert frame.iloc[0][names].tolist() == [1.5, 1.0, 3.0, 7.0]


def test_planes_that_are_missing(envelope):
    envelope["result"]["planes"] = 4
    with pytest.raises(UnexpectedReply, match="3 planes of 4"):
        Volume.from_json(envelope)
