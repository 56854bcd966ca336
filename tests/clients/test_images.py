from __future__ import annotations

import base64
import io
import json
from email import message_from_bytes

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client import StoredImage
from brightfield_client.images import to_payload

NO_GRID = {"result": {"what_if": None}}
CONTENT = b"\x89PNG of a kind"


def loaded(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cell.png"
    path.write_bytes(CONTENT)
    return path


def test_paths_bytes_and_files_are_sent_as_they_are(client, fake, file):
    with file.open("rb") as opened:
        sources = [file, str(file), CONTENT, bytearray(CONTENT), memoryview(CONTENT), opened]
        for source in [*sources, io.BytesIO(CONTENT)]:
            client.classify(source)
            assert fake.last.content == CONTENT


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "bool", ">u2"])
def test_an_array_keeps_every_bit(client, fake, dtype):
    array = (np.random.default_rng(0).random((5, 7, 3)) * 60_000).astype(dtype)
    client.classify(array[::-1], axes="YXC")
    assert fake.last.headers["content-type"] == "application/x-npy"
    assert fake.last.url.params["axes"] == "YXC"
    back = loaded(fake.last.content)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array[::-1])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_pillow_image_keeps_its_pixels(client, fake, mode):
    ramp = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000
    image = Image.fromarray(ramp)
    if mode != "I;16":
        image = Image.fromarray((ramp >> 8).astype(np.uint8)).convert(mode)
    client.classify(image)
    back = Image.open(io.BytesIO(fake.last.content))
    assert back.mode == mode
    np.testing.assert_array_equal(np.asarray(back), np.asarray(image))


def test_pillow_modes_that_png_does_not_have(client, fake):
    client.classify(Image.fromarray(np.array([[0.25, -3.5]], np.float32)))
    np.testing.assert_array_equal(loaded(fake.last.content), np.array([[0.25, -3.5]], np.float32))
    client.classify(Image.new("CMYK", (2, 1), (255, 0, 0, 0)))
    assert loaded(fake.last.content).shape == (1, 2, 3)


def test_a_photographs_orientation_is_not_lost(client, fake):
    image = Image.new("RGB", (4, 2))
    tags = Image.Exif()
    tags[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=tags)
    client.classify(Image.open(stream))
    assert Image.open(io.BytesIO(fake.last.content)).getexif()[0x0112] == 6


def test_tensors_name_their_axes(client, fake):
    torch = pytest.importorskip("torch")
    tensor = torch.arange(24.0, dtype=torch.bfloat16).reshape(2, 3, 4).requires_grad_()
    client.classify(tensor)
    assert fake.last.url.params["axes"] == "CYX"
    assert loaded(fake.last.content).tolist() == tensor.float().tolist()
    with pytest.raises(ValueError, match="list"):
        client.classify(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("image", ["sha256:ab", StoredImage("sha256:ab")])
def test_a_stored_image_goes_by_its_id(client, fake, image):
    client.classify(image, top_k=2)
    assert fake.last.content == b""
    assert dict(fake.last.url.params) == {"image": "sha256:ab", "top_k": "2"}


def test_a_batch_is_a_form_with_repeated_files(client, fake, file):
    client.classify([file, np.zeros((2, 2), np.uint16)], top_k=2)
    head = f"Content-Type: {fake.last.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + fake.last.content).get_payload()
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["file", "file"]
    assert parts[0].get_payload(decode=True) == CONTENT
    assert loaded(parts[1].get_payload(decode=True)).dtype == np.uint16
    assert dict(fake.last.url.params) == {"top_k": "2"}


def test_a_batch_of_one_or_with_stored_images_is_json(client, fake):
    client.classify([CONTENT], model="tiny", window=(8, 9), top_k=3)
    body = json.loads(fake.last.content)
    assert base64.b64decode(body["images"][0]["data"]) == CONTENT
    assert body["model"] == "tiny"
    assert body["parameters"] == {"window": "8,9", "top_k": 3}
    client.classify([CONTENT, "sha256:cd"])
    assert json.loads(fake.last.content)["images"][1] == {"id": "sha256:cd"}


def test_parameters_in_the_query(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json=NO_GRID)
    client.occlusion(b"x", target=["cat", 4], hide=((1, 2), (3, 4), (5, 6)), border="cut")
    assert dict(fake.last.url.params) == {
        "target": "cat,4",
        "hide": "1,2;3,4;5,6",
        "border": "cut",
    }


def test_what_is_no_image_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        to_payload(tmp_path / "missing.png")
    with pytest.raises(TypeError, match="binary"):
        to_payload(io.StringIO("text"))
    with pytest.raises(TypeError, match="objects"):
        to_payload(np.array([object()]))
    with pytest.raises(TypeError, match="int is not an image"):
        to_payload(3)


def test_an_image_behind_a_url_is_fetched_here(client, fake, monkeypatch):
    def get(url, **_):
        status = 404 if url.endswith("gone.png") else 200
        request = httpx2.Request("GET", url)
        return httpx2.Response(status, content=b"pixels", request=request)

    monkeypatch.setattr(httpx2, "get", get)
    client.classify("https://lab.example/a/cell.png?size=2")
    assert fake.last.content == b"pixels"
    assert "cell.png" in fake.last.headers["content-disposition"]
    with pytest.raises(OSError, match=r"gone\.png cannot be fetched"):
        client.classify("https://lab.example/gone.png")
