"""Stored images as they are looked at: facts, parts at any scale, values, histograms."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from brightfield.engine.viewing import planes

from .conftest import CHELSEA, npy, png

RNG = np.random.default_rng(7)
FIELD = RNG.integers(300, 4000, (96, 128)).astype(np.uint16)
STACK = RNG.integers(0, 60_000, (3, 2, 40, 50)).astype(np.uint16)


def _tiff(array: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def _stack() -> bytes:
    return _tiff(
        STACK,
        imagej=True,
        resolution=(4.0, 4.0),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 0.5, "Labels": ["DAPI", "GFP"] * 3},
    )


def _pyramid() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(FIELD, subifds=1, tile=(32, 32))
        file.write(FIELD[::2, ::2], subfiletype=1, tile=(32, 32))
    return buffer.getvalue()


def _stored(client: TestClient, data: bytes) -> str:
    return str(client.put("/images", content=data).json()["id"])


def _array(client: TestClient, image: str, **query: Any) -> NDArray[Any]:
    reply = client.get(f"/images/{image}/view", params={"format": "npy", **query})
    assert reply.status_code == 200, reply.text
    found: NDArray[Any] = np.load(io.BytesIO(reply.content))
    return found


def _picture(client: TestClient, image: str, **query: Any) -> NDArray[Any]:
    reply = client.get(f"/images/{image}/view", params={"format": "png", **query})
    assert reply.status_code == 200, reply.text
    return np.asarray(Image.open(io.BytesIO(reply.content)))


def test_an_image_is_described_with_its_axes_channels_sizes_and_values(client: TestClient) -> None:
    data = _stack()
    image = _stored(client, data)
    told = client.get(f"/images/{image}").json()
    assert told["id"] == image
    assert (told["bytes"], told["format"], told["dtype"]) == (len(data), "tiff", "uint16")
    lengths = {axis["name"]: axis["length"] for axis in told["axes"]}
    assert lengths == {"Z": 3, "C": 2, "Y": 40, "X": 50}
    assert told["channels"] == [{"index": 0, "name": "DAPI"}, {"index": 1, "name": "GFP"}]
    assert told["separate"] is True
    assert (told["pixel_size"], told["spacing"]) == (0.25, 0.5)
    assert told["selection"]["z"] == 0
    first = STACK[0]
    assert told["values"] == {
        "least": first.min(), "greatest": first.max(), "finite": first.size,
    }  # fmt: skip
    third = client.get(f"/images/{image}", params={"z": 2}).json()
    assert third["values"]["greatest"] == STACK[2].max()


def test_values_are_those_of_the_file(client: TestClient) -> None:
    image = _stored(client, _stack())
    np.testing.assert_array_equal(
        _array(client, image, z=1, channels=1, region="10,5,20,8"), STACK[1, 1, 5:13, 10:30]
    )
    both = client.get(
        f"/images/{image}/view", params={"z": 2, "region": "49,39,1,1", "format": "json"}
    ).json()
    assert both["values"] == [[STACK[2, :, 39, 49].tolist()]]
    assert (both["dtype"], both["axes"]) == ("uint16", "YXC")
    floats = np.array([[0.5, np.nan], [-3e8, 2.0]], np.float32)
    image = _stored(client, npy(floats))
    told = client.get(f"/images/{image}/view", params={"format": "json"}).json()
    assert told["values"] == [[0.5, None], [-3e8, 2.0]]


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_part_is_shown_at_a_scale_within_given_limits(client: TestClient, form: str) -> None:
    image = _stored(client, _tiff(FIELD))
    query = {"region": "16,8,64,32", "intensity": "range:300,3900", "format": form}
    part = FIELD[8:40, 16:80].astype(float)
    for width, wanted in (
        (64, part),
        (16, part.reshape(8, 4, 16, 4).mean((1, 3))),
        (128, np.kron(part, np.ones((2, 2)))),
    ):
        reply = client.get(f"/images/{image}/view", params={**query, "width": width})
        assert reply.headers["content-type"] == f"image/{form}"
        shown = np.asarray(Image.open(io.BytesIO(reply.content)).convert("L")).astype(float)
        grey = np.clip((wanted - 300) / 3600, 0, 1) * 255
        assert np.abs(shown - grey).max() <= 0.5 + 1e-3


def test_limits_come_from_the_whole_plane_and_are_the_endpoints_own(client: TestClient) -> None:
    image = _stored(client, _tiff(FIELD))
    told = client.get(f"/images/{image}").json()["intensity"]
    used = client.post("/classify", params={"image": image}).json()["image"]["intensity"]
    assert (told["low"], told["high"]) == (used["low"], used["high"])
    fixed = f"range:{told['low']},{told['high']}"
    region = {"region": "0,0,40,40"}
    np.testing.assert_array_equal(
        _picture(client, image, **region), _picture(client, image, intensity=fixed, **region)
    )


def test_colour_is_shown_as_it_is_and_two_channels_as_red_and_green(client: TestClient) -> None:
    image = _stored(client, png(CHELSEA))
    np.testing.assert_array_equal(
        _picture(client, image, region="100,50,30,20"), CHELSEA[50:70, 100:130]
    )
    pair = _picture(client, _stored(client, _stack()), z=0, intensity="range:0,65535")
    np.testing.assert_array_equal(pair[..., :2], np.rint(STACK[0].transpose(1, 2, 0) / 257))
    assert not pair[..., 2].any()


def test_a_level_is_a_picture_of_its_own(client: TestClient) -> None:
    image = _stored(client, _pyramid())
    told = client.get(f"/images/{image}").json()
    assert [level["width"] for level in told["levels"]] == [128, 64]
    np.testing.assert_array_equal(_array(client, image, level=1), FIELD[::2, ::2])
    assert client.get(f"/images/{image}", params={"level": 1}).json()["width"] == 64


def test_counts_are_those_of_the_values(client: TestClient) -> None:
    image = _stored(client, _stack())
    query = {"z": 1, "bins": 100, "region": "0,0,50,20"}
    told = client.get(f"/images/{image}/histogram", params=query).json()
    part = STACK[1, :, :20].astype(np.int64)
    assert told["start"] == part.min()
    for channel, values in zip(told["channels"], part, strict=True):
        places = (values - int(told["start"])) // int(told["step"])
        counts = np.bincount(places.ravel(), minlength=len(channel["counts"]))
        assert channel["counts"] == counts.tolist()


def test_a_view_never_changes_so_a_client_may_keep_it(client: TestClient) -> None:
    image = _stored(client, _tiff(FIELD))
    address = f"/images/{image}/view"
    reply = client.get(address, params={"width": 32, "format": "png"})
    tag = reply.headers["etag"]
    assert tag.startswith('"')
    assert "private" in reply.headers["cache-control"]
    assert "immutable" in reply.headers["cache-control"]
    again = client.get(
        address, params={"width": 32, "format": "png"}, headers={"If-None-Match": f'"x", {tag}'}
    )
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get(
        address, params={"width": 33, "format": "png"}, headers={"If-None-Match": tag}
    )
    assert other.status_code == 200
    webp = client.get(address, params={"width": 32}, headers={"Accept": "image/webp,*/*"})
    assert webp.headers["etag"] != tag


def test_a_plane_is_decoded_once_and_only_so_many_are_kept(
    started: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = planes.contents

    def counted(data: bytes, selection: Any) -> Any:
        read.append(len(data))
        return whole(data, selection)

    monkeypatch.setattr(planes, "contents", counted)
    service = started(view_cache_bytes=FIELD.nbytes + 100)
    first, second = _stored(service, _tiff(FIELD)), _stored(service, _tiff(FIELD[::-1]))
    for x in range(0, 100, 20):
        _picture(service, first, region=f"{x},0,20,20")
    assert len(read) == 1
    _picture(service, second)
    _picture(service, first)
    assert len(read) == 3


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ({}, "ambiguous_axes", "z=0"),
        ({"z": 3}, "invalid_parameter", "z=0 to z=2"),
        ({"z": 0, "region": "40,0,20,20"}, "invalid_region", "50 x 40"),
        ({"z": 0, "width": 16_000}, "invalid_parameter", "width=4579 or less"),
        ({"z": 0, "format": "npy", "width": 10}, "invalid_parameter", "png or webp"),
        ({"z": 0, "widht": 10}, "unknown_parameter", "width"),
        ({"z": 0, "format": "tiff"}, "not_acceptable", "png"),
    ],
)
def test_a_refusal_says_what_to_do(
    client: TestClient, query: dict[str, Any], code: str, words: str
) -> None:
    image = _stored(client, _stack())
    reply = client.get(f"/images/{image}/view", params=query)
    assert 400 <= reply.status_code < 500
    told = reply.json()
    assert told["code"] == code
    assert words in told["detail"]


def test_what_is_not_stored_is_not_found(client: TestClient) -> None:
    for part in ("", "/view", "/histogram"):
        reply = client.get(f"/images/sha256:{'0' * 64}{part}")
        assert (reply.status_code, reply.json()["code"]) == (404, "image_expired")
        assert client.get(f"/images/cat{part}").status_code == 422


def test_what_is_too_large_to_read_is_described_by_its_header(
    started: Callable[..., TestClient],
) -> None:
    service = started(max_pixels=FIELD.size - 1)
    image = _stored(service, _pyramid())
    told = service.get(f"/images/{image}").json()
    assert (told["width"], told["values"]) == (128, None)
    assert "level=1" in told["warnings"][0]["detail"]
    refused = service.get(f"/images/{image}/view", params={"format": "png"})
    assert refused.status_code == 413
    assert _array(service, image, level=1).shape == (48, 64)
