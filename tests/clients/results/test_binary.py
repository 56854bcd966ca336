from __future__ import annotations

import io
import zipfile

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client import Binary


def written(write, *arguments, **options) -> bytes:
    stream = io.BytesIO()
    write(stream, *arguments, **options)
    return stream.getvalue()


def test_a_format_gives_the_bytes_and_the_facts(client, fake, tmp_path):
    headers = {"Content-Type": "image/png", "X-Model": "tiny@1", "X-Request-ID": "req_2"}
    picture = written(lambda s: Image.new("RGB", (3, 2), (1, 2, 3)).save(s, "PNG"))
    fake.reply = lambda _: httpx2.Response(200, content=picture, headers=headers)
    answer = client.saliency(b"x", format="overlay")
    assert fake.last.url.params["format"] == "overlay"
    assert isinstance(answer, Binary)
    assert (answer.media_type, answer.model, answer.request_id) == ("image/png", "tiny@1", "req_2")
    assert answer.save(tmp_path / "a.png").read_bytes() == picture
    assert answer.array().tolist() == [[[1, 2, 3]] * 3] * 2
    assert "<img" in answer._repr_html_()


def test_a_json_format_is_not_read_as_an_envelope(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"images": []})
    assert client.classify(b"x", format="coco").content == b'{"images":[]}'


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_keep_their_values(shape, dtype):
    tifffile = pytest.importorskip("tifffile")
    array = (np.random.default_rng(0).random(shape) * 250 * 250).astype(dtype)
    npy = Binary(written(np.save, array), "application/x-npy", {})
    colour = "rgb" if shape[-1] == 3 else "minisblack"
    tiff = Binary(written(tifffile.imwrite, array, photometric=colour), "image/tiff", {})
    for answer in (npy, tiff):
        assert answer.array().dtype == array.dtype
        np.testing.assert_array_equal(answer.array(), array)


def test_sixteen_bit_png():
    imagecodecs = pytest.importorskip("imagecodecs")
    grey = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    answer = Binary(imagecodecs.png_encode(grey), "image/png", {})
    np.testing.assert_array_equal(answer.array(), grey)
    assert answer._repr_html_() is None
    colour = Binary(imagecodecs.png_encode(np.dstack([grey] * 3)), "image/png", {})
    with pytest.raises(ValueError, match="npy"):
        colour.array()


def test_a_batch_is_an_archive():
    def write(stream):
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("0.png", b"first")
            archive.writestr("envelopes.json", b"{}")

    answer = Binary(written(write), "application/zip", {})
    assert answer.members() == {"0.png": b"first", "envelopes.json": b"{}"}
    with pytest.raises(ValueError, match="array"):
        answer.array()
    with pytest.raises(ValueError, match="archive"):
        Binary(b"", "image/png", {}).members()


def test_pickles_are_not_read():
    content = written(lambda s: np.save(s, np.array([{}], object), allow_pickle=True))
    with pytest.raises(ValueError, match="allow_pickle"):
        Binary(content, "application/x-npy", {}).array()
