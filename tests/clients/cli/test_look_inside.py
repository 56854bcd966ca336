from __future__ import annotations

import json

import httpx2
import pytest

from brightfield_client.cli import main

PNG = {"Content-Type": "image/png"}


@pytest.fixture
def service(fake):
    """Keeps images by their first letters, refuses b"bad", and ends every job at once."""
    status = {"id": "job_1", "state": "succeeded", "progress": {"done": 0, "total": 0}}
    fake.answered = dict(PNG)

    def reply(request):
        path = request.url.path
        if path == "/images":
            if request.content == b"bad":
                return httpx2.Response(400, json={"code": "undecodable_image", "detail": "Bad."})
            return httpx2.Response(200, json={"id": f"sha256:{request.content.decode()}"})
        if path.endswith("/events"):
            ended = b'id: 1\nevent: end\ndata: {"state": "x"}\n\n'
            kind = {"Content-Type": "text/event-stream"}
            return httpx2.Response(200, content=ended, headers=kind)
        if path.endswith("/result") or path.endswith("/filters"):
            return httpx2.Response(200, content=b"ok", headers=fake.answered)
        return httpx2.Response(202, json=status)

    fake.reply = reply
    return fake


def test_filters(service, tmp_path, capsys):
    assert main(["filters", "tiny", "--layer", "conv1", "--count", "8"]) == 0
    assert (tmp_path / "tiny.filters.png").read_bytes() == b"ok"
    assert service.last.url.path == "/models/tiny/filters"
    assert dict(service.last.url.params) == {"layer": "conv1", "count": "8", "format": "png"}
    assert main(["filters", "tiny", "--out", "f.gif"]) == 2
    assert ".png, .npy, .json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "out", "form"),
    [([], "a.png", "png"), (["--overlay"], "b.png", "overlay"), ([], "c.npy", "npy")],
)
def test_activations(service, images, tmp_path, more, out, form):
    words = ["activations", str(images / "a.png"), "--layer", "conv1", "--units", "3,1"]
    assert main([*words, *more, "--out", out]) == 0
    asked = service.requests[0]
    assert (asked.url.path, asked.content) == ("/activations", b"one")
    assert dict(asked.url.params) == {"layer": "conv1", "units": "3,1", "format": form}
    assert (tmp_path / out).read_bytes() == b"ok"


def test_an_overlay_is_a_picture(images, capsys):
    words = ["activations", str(images / "a.png"), "--overlay", "--out", "maps.npy"]
    assert main(words) == 2
    assert "ends in .png" in capsys.readouterr().err


def test_patches_of_a_folder_are_asked_by_their_ids(service, images, tmp_path, capsys):
    (images / "c.png").write_bytes(b"bad")
    words = ["patches", str(images), "--layer", "conv1", "--units", "3,1", "-k", "2"]
    assert main([*words, "--out", "sheet.png"]) == 1
    (asked,) = (request for request in service.requests if request.url.path == "/patches")
    body = json.loads(asked.content)
    assert body["images"] == [{"id": "sha256:one"}, {"id": "sha256:two"}]
    assert body["parameters"] == {"layer": "conv1", "units": "3,1", "k": 2, "format": "png"}
    assert asked.headers["prefer"] == "respond-async"
    assert (tmp_path / "sheet.png").read_bytes() == b"ok"
    said = capsys.readouterr()
    assert "c.png: Bad. (undecodable_image)" in said.err
    assert "patches of 2 images" in said.out


def test_images_that_the_service_could_not_read(service, images, capsys):
    service.answered |= {"X-Image-Warnings": "fails_sanity_check, images_left_out"}
    assert main(["patches", str(images)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_no_images(images, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["patches", "empty"]) == 2
    assert "no images" in capsys.readouterr().err
    assert main(["patches", str(images), "--out", "a.tif"]) == 2
