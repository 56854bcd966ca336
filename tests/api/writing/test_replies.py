"""Every format of every endpoint holds the same numbers; long replies and batches are handled."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from starlette.testclient import TestClient

from brightfield.api.writing.replies import member_names

from ..conftest import CHELSEA, COFFEE, png

CAT = png(CHELSEA)


def array(document: dict[str, Any]) -> Any:
    data = base64.b64decode(document["data"])
    return np.frombuffer(data, np.dtype(document["dtype"]).newbyteorder("<")).reshape(
        document["shape"]
    )


def test_the_envelope_states_the_facts(client: TestClient) -> None:
    document = client.post("/classify", content=CAT).json()
    assert document["task"] == "classify" and document["id"].startswith("req_")
    assert document["model"]["id"] == "imagenet-lite0"
    assert document["model"]["sha256"].startswith("57934424")
    assert document["image"]["width"] == 451 and document["image"]["height"] == 300
    assert set(document["timing_ms"]) == {"decode", "preprocess", "queue", "forward", "postprocess"}
    assert document["batch_size"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ["saliency?method=grad_cam", "occlusion?window=60&target=282,285", "classify?window=150"],
)
def test_binary_maps_hold_the_numbers_of_the_json_in_image_pixels(
    client: TestClient, query: str
) -> None:
    asked = f"/{query}&space=image"
    numbers = array(client.post(asked, content=CAT).json()["result"]["map"])
    assert numbers.shape[-2:] == (300, 451)
    as_npy = np.load(io.BytesIO(client.post(f"/{query}&format=npy", content=CAT).content))
    as_tiff = tifffile.imread(io.BytesIO(client.post(f"/{query}&format=tiff", content=CAT).content))
    np.testing.assert_allclose(as_npy, numbers, atol=1e-4)
    np.testing.assert_allclose(as_tiff, np.squeeze(numbers), atol=1e-4)


def test_json_maps_are_on_the_models_grid_unless_asked(client: TestClient) -> None:
    result = client.post("/saliency", content=CAT).json()["result"]
    assert result["map"]["shape"] == [224, 224]
    x, y, width, height = result["map"]["region"]
    assert (width, height) == pytest.approx((262.5, 262.5), abs=0.5)
    assert x + width / 2 == pytest.approx(451 / 2, abs=1)
    assert y + height / 2 == pytest.approx(300 / 2, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["saliency", "occlusion?window=60"])
@pytest.mark.parametrize("form", ["png", "overlay"])
def test_pictures_have_the_images_size(client: TestClient, endpoint: str, form: str) -> None:
    reply = client.post(f"/{endpoint}", params={"format": form}, content=CAT)
    assert reply.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(reply.content)).size == (451, 300)
    assert reply.headers["x-model"] == "imagenet-lite0@1"
    assert "forward;dur=" in reply.headers["server-timing"]


def test_the_accept_header_chooses_and_format_wins(client: TestClient) -> None:
    def media_type(accept: str, query: str = "") -> str:
        reply = client.post(f"/saliency{query}", content=CAT, headers={"Accept": accept})
        return str(reply.headers["content-type"])

    assert media_type("image/png") == "image/png"
    assert media_type("text/html, image/*;q=0.5, application/json;q=0.4") == "image/png"
    assert media_type("text/html, */*;q=0.1") == "application/json"
    assert media_type("image/png", "?format=npy") == "application/x-npy"


def test_csv_has_the_numbers_of_the_json(client: TestClient) -> None:
    text = client.post("/classify?format=csv&top_k=3", content=CAT).text
    rows = list(csv.DictReader(io.StringIO(text)))
    expected = client.post("/classify?top_k=3", content=CAT).json()["result"]["predictions"]
    assert [(row["label"], int(row["class_id"])) for row in rows] == [
        (p["label"], p["class_id"]) for p in expected
    ]
    assert [float(row["score"]) for row in rows] == pytest.approx([p["score"] for p in expected])


def test_an_embedding_is_the_same_as_json_and_npy(client: TestClient) -> None:
    result = client.post("/embed?normalize=true", content=CAT).json()["result"]
    vector = np.load(
        io.BytesIO(client.post("/embed?normalize=true&format=npy", content=CAT).content)
    )
    assert result["dim"] == 1280 and vector.shape == (1280,)
    np.testing.assert_allclose(result["embedding"], vector, atol=1e-6)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_binary_batch_is_a_zip_by_the_names_of_files(client: TestClient) -> None:
    files = [
        ("file", (name, content))
        for name, content in (("b/x.png", CAT), ("../n.png", b"nothing"), ("x.png", png(COFFEE)))
    ]
    reply = client.post("/saliency?format=npy", files=files)
    assert reply.status_code == 207 and reply.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    assert sorted(archive.namelist()) == ["b/x.npy", "envelopes.json", "x.npy"]
    assert np.load(io.BytesIO(archive.read("x.npy"))).shape == (400, 600)
    first, failed, last = json.loads(archive.read("envelopes.json"))["items"]
    assert failed["error"]["code"] == "unknown_format"
    assert (first["file"], first["image"]["name"]) == ("b/x.npy", "b/x.png")
    assert last["file"] == "x.npy"


@pytest.mark.parametrize(
    ("names", "files"),
    [
        ([None, None], ["0", "1"]),
        (["a.png", "b.png"], ["a", "b"]),
        (["a.png", "a.tif", "A.jpg"], ["a.png", "a.tif", "A.jpg"]),
        (["p/a.png", "q/a.png", None], ["p/a", "q/a", "2"]),
        (["a.png", "a.png"], ["a.png-0", "a.png-1"]),
        (["/etc/x.png", "..\\..\\y:z.png"], ["etc/x", "y_z"]),
        (["..", "img.ome.tif"], ["image", "img.ome"]),
    ],
)
def test_members_of_an_archive_are_named_as_their_images(
    names: list[str | None], files: list[str]
) -> None:
    assert member_names(names) == files


def test_a_json_reply_over_the_limit_names_the_binary_format(started: Any) -> None:
    client = started(max_reply_bytes=5_000)
    reply = client.post("/saliency", content=CAT)
    assert reply.status_code == 413
    assert reply.json()["code"] == "reply_too_large" and "format=npy" in reply.json()["detail"]
    assert client.post("/saliency?format=npy", content=CAT).status_code == 200


def test_numbers_that_are_none_become_null(client: TestClient) -> None:
    blank = np.full((300, 300, 3), np.nan, np.float32)
    buffer = io.BytesIO()
    np.save(buffer, blank)
    reply = client.post("/classify", content=buffer.getvalue())
    assert reply.status_code == 200
    json.loads(reply.text, parse_constant=pytest.fail)
    codes = {warning["code"] for warning in reply.json()["warnings"]}
    assert {"non_finite_pixels", "constant_image"} <= codes


def test_what_is_to_be_known_of_a_map_comes_with_it(client: TestClient) -> None:
    reply = client.post("/saliency?method=guided_backprop", content=CAT)
    assert "fails_sanity_check" in {warning["code"] for warning in reply.json()["warnings"]}
    drawn = client.post("/saliency?method=guided_backprop&format=npy", content=CAT)
    assert "fails_sanity_check" in drawn.headers["X-Image-Warnings"]


@pytest.mark.slow
def test_every_class_and_the_most_probable_one_of_every_window(client: TestClient) -> None:
    reply = client.post("/occlusion?target=all&window=75&stride=75", content=CAT).json()
    result = reply["result"]
    assert len(result["targets"]) == 1000 and result["map"] is None
    scores = np.array(result["scores"])
    np.testing.assert_array_equal(result["most_probable"], scores.argmax(axis=0))
    assert "maps_left_out" in {warning["code"] for warning in reply["warnings"]}
