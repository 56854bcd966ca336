from __future__ import annotations

import base64
import io
from email import message_from_bytes

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client import Enlargement


def npy(array: np.ndarray) -> str:
    stream = io.BytesIO()
    np.save(stream, array)
    return base64.b64encode(stream.getvalue()).decode()


@pytest.fixture
def make(enveloped):
    def envelope(array: np.ndarray, axes: str, **facts: object) -> dict[str, object]:
        image = {"format": "npy", "axes": axes, "pixel_size": 0.5, "data": npy(array)}
        return enveloped({"scale": 2, "image": image, **facts}, "superresolve")

    return envelope


def test_pixels_and_measures(client, fake, make):
    deep = np.arange(24, dtype=np.uint16).reshape(2, 4, 3) * 2000
    fake.reply = lambda _: httpx2.Response(200, json=make(deep, "YXS", psnr=None, ssim=1.0))
    answer = client.superresolve(b"x", scale=2, tile=256)
    assert dict(fake.last.url.params) == {
        "scale": "2",
        "tile": "256",
        "format": "json",
        "encoding": "npy",
    }
    np.testing.assert_array_equal(answer.pixels, deep)
    assert (answer.pixels.dtype, answer.axes, answer.scale) == (np.uint16, "YXS", 2)
    assert (answer.pixel_size, answer.ssim) == (0.5, 1.0)
    assert np.isnan(answer.psnr)
    assert "<img" in answer._repr_html_()


def test_a_reference_is_a_file_of_its_own(client, fake, make):
    fake.reply = lambda _: httpx2.Response(200, json=make(np.zeros((2, 2), np.uint8), "YX"))
    client.superresolve(b"small", reference=b"large")
    head = f"Content-Type: {fake.last.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + fake.last.content).get_payload()
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["file", "reference"]
    assert [part.get_payload(decode=True) for part in parts] == [b"small", b"large"]
    client.superresolve("sha256:ab", reference="sha256:cd")
    assert fake.last.content == b""
    assert fake.last.url.params["image"] == "sha256:ab"
    assert fake.last.url.params["reference"] == "sha256:cd"
    with pytest.raises(ValueError, match="single image"):
        client.superresolve([b"1", b"2"], reference=b"large")


def test_tensors_and_other_images_do_not_mix(client):
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="one request"):
        client.superresolve(b"small", reference=torch.zeros(3, 4, 4))


def test_a_binary_format_is_asked_for_as_it_is(client, fake):
    client.superresolve(b"x", format="image")
    assert dict(fake.last.url.params) == {"format": "image"}


@pytest.mark.parametrize(
    ("dtype", "shape", "axes"),
    [("uint8", (4, 6), "YX"), ("uint8", (4, 6, 3), "YXS"), ("uint16", (4, 6), "YX")],
)
def test_nothing_is_lost_in_files(make, tmp_path, dtype, shape, axes):
    array = (np.random.default_rng(0).random(shape) * 250).astype(dtype)
    answer = Enlargement.from_json(make(array, axes))
    with Image.open(answer.save(tmp_path / "a.png")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), array)
    assert answer.picture().mode == "RGB"


@pytest.mark.parametrize(
    ("dtype", "shape", "axes", "suffix"),
    [
        ("uint16", (4, 6, 3), "YXS", ".tif"),
        ("uint16", (4, 6, 3), "YXS", ".png"),
        ("float64", (4, 6), "YX", ".tif"),
        ("uint8", (2, 4, 6), "CYX", ".tif"),
    ],
)
def test_what_pillow_does_not_write_the_service_does(
    client, fake, make, tmp_path, dtype, shape, axes, suffix
):
    fake.reply = lambda _: httpx2.Response(200, json=make(np.zeros(shape, dtype), axes))
    answer = client.superresolve(b"x", scale=2)
    fake.reply = lambda _: httpx2.Response(200, content=b"written")
    assert answer.save(tmp_path / f"a{suffix}").read_bytes() == b"written"
    assert fake.last.url.params["format"] == {".tif": "tiff", ".png": "png"}[suffix]
    assert fake.last.url.params["scale"] == "2"


def test_an_answer_that_another_program_stored(make):
    stream = io.BytesIO()
    Image.new("RGB", (4, 2), (1, 2, 3)).save(stream, "PNG")
    envelope = make(np.zeros(1), "YXS")
    data = base64.b64encode(stream.getvalue()).decode()
    envelope["result"]["image"] |= {"format": "png", "data": data}
    assert Enlargement.from_json(envelope).pixels.tolist() == [[[1, 2, 3]] * 4] * 2
