from __future__ import annotations

import httpx2
import pytest

from brightfield_client.cli import main


@pytest.fixture
def job(fake):
    """Every request becomes a job that ends at once, with an answer of two letters."""
    status = {"id": "job_1", "state": "queued", "progress": {"done": 0, "total": 0}}
    state = ["succeeded"]

    def reply(request):
        path = request.url.path
        if path.endswith("/events"):
            ended = b'id: 1\nevent: end\ndata: {"state": "x"}\n\n'
            kind = {"Content-Type": "text/event-stream"}
            return httpx2.Response(200, content=ended, headers=kind)
        if path.endswith("/result"):
            return httpx2.Response(200, content=b"ok", headers={"Content-Type": "image/png"})
        if request.method == "DELETE":
            return httpx2.Response(204)
        ended = {"state": state[0]} if path.startswith("/jobs") else {}
        return httpx2.Response(202, json=status | ended)

    fake.reply = reply
    return fake


@pytest.mark.parametrize(
    ("method", "name", "path", "form"),
    [
        ("grad_cam", "over.png", "/saliency", "overlay"),
        ("smoothgrad", "map.npy", "/saliency", "npy"),
        ("occlusion", "map.TIF", "/occlusion", "tiff"),
        ("occlusion", "cells.csv", "/occlusion", "csv"),
    ],
)
def test_method_and_file_choose_endpoint_and_format(
    job, images, tmp_path, method, name, path, form
):
    code = main(
        ["explain", str(images / "a.png"), "--method", method, "--target", "cat", "--out", name]
    )
    assert code == 0
    asked = job.requests[0]
    assert (asked.url.path, asked.content, asked.headers["prefer"]) == (
        path,
        b"one",
        "respond-async",
    )
    assert dict(asked.url.params) == {"method": method, "target": "cat", "format": form}
    assert (tmp_path / name).read_bytes() == b"ok"


def test_the_default_name_says_what_it_is(job, images, tmp_path, capsys):
    assert main(["explain", str(images / "a.png")]) == 0
    assert (tmp_path / "a.gradient.png").exists()
    assert capsys.readouterr().out == "a.gradient.png: gradient\n"


def test_leaving_cancels_the_job(job, images, monkeypatch, capsys):
    def leave(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("brightfield_client.job.Job.wait", leave)
    assert main(["explain", str(images / "a.png")]) == 130
    assert "DELETE" in [request.method for request in job.requests]
    assert capsys.readouterr().err == "Interrupted.\n"


def test_another_suffix(images, capsys):
    assert main(["explain", str(images / "a.png"), "--out", "map.jpg"]) == 2
    assert ".png, .npy" in capsys.readouterr().err
