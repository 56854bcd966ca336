"""The four forms of input mean the same; hazardous bytes get the promised answer."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from starlette.testclient import TestClient

from ..conftest import CHELSEA, COFFEE, jpeg, npy, png

CAT = png(CHELSEA)


def scores(reply: Any) -> dict[str, float]:
    assert reply.status_code == 200, reply.text
    return {p["label"]: p["score"] for p in reply.json()["result"]["predictions"]}


def test_the_same_image_in_every_form_gets_the_same_answer(client: TestClient) -> None:
    stored = client.put("/images", content=CAT).json()["id"]
    text = base64.b64encode(CAT).decode()
    forms = [
        client.post("/classify?top_k=2", content=CAT),
        client.post("/classify?top_k=2", content=CAT, headers={"Content-Type": "text/plain"}),
        client.post("/classify/", content=CAT, params={"top_k": 2}),
        client.post("/classify", files={"file": CAT}, data={"params": '{"top_k": 2}'}),
        client.post("/classify?top_k=2", files={"file": CAT}, data={"top_k": "2"}),
        client.post("/classify", json={"image": {"data": text}, "parameters": {"top_k": 2}}),
        client.post("/classify?top_k=2", content=json.dumps({"image": {"id": stored}})),
        client.post("/classify", params={"image": stored, "top_k": 2}),
        client.post("/classify?top_k=2", content=npy(CHELSEA)),
    ]
    answers = [scores(reply) for reply in forms]
    assert answers == [answers[0]] * len(forms)
    assert answers[0] == pytest.approx({"tiger cat": 0.39, "Egyptian cat": 0.36}, abs=0.01)


def test_a_batch_keeps_the_order_and_one_bad_image_fails_alone(client: TestClient) -> None:
    """Seven good images and a corrupt one: seven answers, one error."""
    files: list[Any] = [("file", png(COFFEE if i % 2 else CHELSEA)) for i in range(7)]
    files.insert(3, ("file", b"not an image"))
    reply = client.post("/classify?top_k=1", files=files)
    assert reply.status_code == 207
    items = reply.json()["items"]
    assert items[3]["error"]["code"] == "unknown_format"
    labels = [item["result"]["predictions"][0]["label"] for i, item in enumerate(items) if i != 3]
    assert labels == ["tiger cat", "espresso"] * 3 + ["tiger cat"]


def test_a_json_list_is_a_batch_even_of_one(client: TestClient) -> None:
    data = {"data": base64.b64encode(CAT).decode()}
    assert len(client.post("/classify", json={"images": [data]}).json()["items"]) == 1
    mixed = client.post("/classify", json={"images": [data, {"id": "sha256:" + "0" * 64}, {}]})
    assert mixed.status_code == 207
    codes = [item.get("error", {}).get("code") for item in mixed.json()["items"]]
    assert codes == [None, "image_expired", "invalid_parameter"]


def claims_100_000_squared() -> bytes:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty_body"),
        (jpeg(CHELSEA)[:4000], 400, "truncated_image"),
        (jpeg(CHELSEA)[:-200], 400, "truncated_image"),
        (jpeg(CHELSEA, progressive=True)[:9000], 400, "truncated_image"),
        (CAT[:5000], 400, "truncated_image"),
        (b"hello, I am a text file\n", 415, "unknown_format"),
        (object_array(), 415, "pickled_array"),
        (claims_100_000_squared(), 413, "too_many_pixels"),
        (b'{"image": ', 400, "malformed_json"),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, bytes) else "",
)
def test_hazards_get_the_promised_answer_and_the_service_goes_on(
    client: TestClient, body: bytes, status: int, code: str
) -> None:
    reply = client.post("/classify", content=body)
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert problem["detail"] and "/" + "work" not in reply.text and "Traceback" not in reply.text
    assert client.post("/classify", content=CAT).status_code == 200


def tiff(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def with_orientation(tag: int) -> bytes:
    exif = Image.Exif()
    exif[274] = tag
    turned = np.rot90(COFFEE, 1) if tag == 6 else COFFEE  # tag 6: to be shown turned clockwise
    return jpeg(np.ascontiguousarray(turned), exif=exif, quality=95)


def palette_with_alpha() -> bytes:
    image = Image.fromarray(COFFEE).quantize(256)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes([128] * 256))
    return buffer.getvalue()


def cmyk() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COFFEE).convert("CMYK").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "warnings", "query"),
    [
        (tiff(COFFEE.astype(np.uint16) * 257, photometric="rgb"), set(), ""),
        (tiff(COFFEE.astype(np.uint16) * 257, photometric="rgb"), set(), "&intensity=dtype"),
        (tiff((COFFEE / 255).astype(np.float32), photometric="rgb"), set(), "&intensity=range:0,1"),
        (cmyk(), {"cmyk_converted"}, ""),
        (palette_with_alpha(), {"palette_converted", "alpha_dropped"}, ""),
        (with_orientation(6), set(), ""),
    ],
    ids=["uint16", "uint16-dtype", "float32", "cmyk", "palette-alpha", "rotated"],
)
def test_unusual_images_are_read_as_they_are_meant(
    client: TestClient, body: bytes, warnings: set[str], query: str
) -> None:
    reply = client.post(f"/classify?top_k=1{query}", content=body)
    assert set(scores(reply)) == {"espresso"}
    assert scores(reply)["espresso"] > 0.8
    document = reply.json()
    assert (document["image"]["width"], document["image"]["height"]) == (600, 400)
    assert {warning["code"] for warning in document["warnings"]} == warnings


def test_a_stack_needs_to_know_which_plane(client: TestClient) -> None:
    stack = tiff(np.zeros((5, 300, 300), np.uint8), photometric="minisblack")
    reply = client.post("/classify", content=stack)
    assert reply.status_code == 422 and reply.json()["code"] == "ambiguous_axes"
    assert "page=" in reply.json()["detail"] or "z=" in reply.json()["detail"]


def test_bytes_are_counted_before_and_while_they_are_read(started: Any) -> None:
    client = started(max_bytes=10_000, preload=False)
    declared = client.post("/classify", content=b"x" * 10_001)
    streamed = client.post("/classify", content=iter([b"x" * 6_000] * 3))
    for reply in (declared, streamed):
        assert reply.status_code == 413 and reply.json()["code"] == "too_many_bytes"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"params": {"topk": 3}, "content": CAT}, "unknown_parameter"),
        ({"params": {"top_k": "many"}, "content": CAT}, "invalid_parameter"),
        ({"params": {"model": "imagenet-lite"}, "content": CAT}, "unknown_model"),
        ({"params": [("top_k", "1"), ("top_k", "2")], "content": CAT}, "conflicting_parameter"),
        ({"params": {"region": "0,0,9999,10"}, "content": CAT}, "invalid_region"),
        ({"params": {"window": "999"}, "content": CAT}, "invalid_parameter"),
        ({"params": {"stride": "50"}, "content": CAT}, "invalid_parameter"),
        ({"params": {"intensity": "loud"}, "content": CAT}, "invalid_parameter"),
        ({"params": {"image": "sha256:1"}}, "invalid_parameter"),
        ({"json": {"imge": 1}}, "unknown_parameter"),
        ({"json": {"image": {"data": "!"}}}, "invalid_parameter"),
        ({"files": {"picture": CAT}}, "unknown_parameter"),
        ({"params": {"format": "gif"}, "content": CAT}, "not_acceptable"),
        ({"headers": {"Accept": "text/html"}, "content": CAT}, "not_acceptable"),
        ({"headers": {"X-Request-Timeout": "soon"}, "content": CAT}, "invalid_parameter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(client: TestClient, request_: Any, code: str) -> None:
    reply = client.post("/classify", **request_)
    assert reply.json()["code"] == code
    assert 400 <= reply.status_code < 500


def test_what_is_wrong_about_two_parameters_together_is_a_sentence(client: TestClient) -> None:
    reply = client.post("/classify?stride=50", content=CAT)
    assert reply.json()["detail"] == (
        "stride, classes and paint belong to a sliding window; give window, too."
    )
