from __future__ import annotations

import asyncio
import base64
import csv
import io
import json

import httpx2
import pytest
from PIL import Image

from brightfield_client import AsyncClient, BadRequestError, Box, ItemError, StoredImage


def png(color):
    stream = io.BytesIO()
    Image.new("RGB", (6, 4), color).save(stream, "PNG")
    return {"format": "png", "data": base64.b64encode(stream.getvalue()).decode()}


def patch(image, value, guided=True):
    return {
        "image": image,
        "value": value,
        "place": [3, 4],
        "position": {"x": 4.5, "y": 3.5},
        "box": {"xmin": 1.0, "ymin": 2.0, "xmax": 7.0, "ymax": 6.0},
        "patch": png((255, 0, 0)),
        "guided": png((128, 128, 128)) if guided else None,
    }


@pytest.fixture
def reply(enveloped):
    units = [
        {"unit": 9, "patches": [patch(0, 5.0), patch(1, 4.0, guided=False)]},
        {"unit": 1, "patches": []},
    ]
    body = enveloped({"layer": "conv", "rule": "guided", "units": units}, "patches")
    del body["image"]
    fault = {"code": "truncated_image", "status": 400, "detail": "It is cut."}
    return body | {"images": [{"width": 4}, {"width": 5}, {"error": fault}]}


@pytest.fixture
def answer(client, fake, reply):
    fake.reply = lambda _: httpx2.Response(207, json=reply)
    return client.patches([b"a", b"b", b"c"], layer="conv", units=[9, 1], k=2)


def test_patches_of_all_images(answer, fake):
    assert fake.last.url.path == "/patches"
    assert dict(fake.last.url.params) == {"layer": "conv", "units": "9,1", "k": "2"}
    assert (answer.layer, answer.rule, len(answer), list(answer.units)) == (
        "conv", "guided", 2, [9, 1],
    )  # fmt: skip
    first, second = answer
    assert (first.unit, first.image, first.value, first.place) == (9, 0, 5.0, (3, 4))
    assert first.box == Box(1, 2, 7, 6)
    assert first.picture.getpixel((0, 0)) == (255, 0, 0)
    assert first.guided.size == (6, 4) and second.guided is None
    assert answer._repr_html_().count("<img") == 2


def test_images_that_could_not_be_read(answer):
    (failed,) = answer.errors
    assert isinstance(failed, ItemError)
    assert (failed.index, failed.code) == (2, "truncated_image")
    assert isinstance(failed.error, BadRequestError)
    assert answer.images[0] == {"width": 4}


def test_stored_images_go_as_their_ids(client, fake, reply):
    fake.reply = lambda _: httpx2.Response(200, json=reply)
    client.patches([StoredImage("sha256:aa"), StoredImage("sha256:bb")], "tiny", units=3)
    body = json.loads(fake.last.content)
    assert body["images"] == [{"id": "sha256:aa"}, {"id": "sha256:bb"}]
    assert (body["model"], body["parameters"]) == ("tiny", {"units": 3})


def test_saving(answer, fake, tmp_path):
    with answer.save(tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["unit"], row["image"], row["value"]) for row in rows] == [
        ("9", "0", "5.0"), ("9", "1", "4.0"),
    ]  # fmt: skip
    fake.reply = lambda _: httpx2.Response(
        200, content=b"sheet", headers={"Content-Type": "image/png"}
    )
    assert answer.save(tmp_path / "a.png").read_bytes() == b"sheet"
    assert fake.last.url.params["format"] == "png"


def test_asyncio(fake, reply):
    fake.reply = lambda _: httpx2.Response(200, json=reply)

    async def ask():
        async with AsyncClient("http://fake", transport=httpx2.MockTransport(fake.answer)) as made:
            return await made.patches([b"a", b"b"])

    assert asyncio.run(ask()).layer == "conv"
