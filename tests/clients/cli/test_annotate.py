"""detect, segment and superresolve: what they ask, and where the answers go."""

from __future__ import annotations

import csv
import json

import httpx2
import pytest

from brightfield_client.cli import main


@pytest.fixture
def service(fake, replies, enveloped):
    """Answers every format with its name; images whose bytes are b"bad" are refused."""

    def reply(request):
        form = request.url.params.get("format", "json")
        path = request.url.path
        if path.startswith("/jobs") or "prefer" in request.headers:
            return job(request, path)
        if path == "/livez":
            return httpx2.Response(200, json={"version": "0.1.0"})
        if request.content == b"bad":
            return httpx2.Response(400, json={"code": "truncated_image", "detail": "It is cut."})
        if form == "json":
            return httpx2.Response(200, json=enveloped({"objects": [], "classes": []}, "detect"))
        kind = "image/tiff" if request.content == b"tiff" else "image/png"
        return httpx2.Response(200, content=form.encode(), headers={"Content-Type": kind})

    def job(request, path):
        if path.endswith("/events"):
            ended = b'id: 1\nevent: end\ndata: {"state": "x"}\n\n'
            kind = {"Content-Type": "text/event-stream"}
            return httpx2.Response(200, content=ended, headers=kind)
        if path.endswith("/result"):
            return httpx2.Response(200, content=b"job", headers={"Content-Type": "image/png"})
        ended = {"state": "succeeded"} if path.startswith("/jobs") else {"state": "queued"}
        status = {"id": "job_1", "progress": {"done": 0, "total": 0}}
        return httpx2.Response(202, json=status | ended)

    fake.reply = reply
    return fake


def written(folder):
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in found}
    listed = list(csv.DictReader(files.pop("manifest.csv").splitlines()))
    assert sorted(row["answer"] for row in listed) == sorted(files)
    return files


@pytest.mark.parametrize(
    ("command", "form", "suffix"),
    [
        ("detect", "csv", ".csv"),
        ("detect", "geojson", ".geojson"),
        ("detect", "rois", ".zip"),
        ("detect", "overlay", ".png"),
        ("segment", "tiff", ".tif"),
        ("segment", "npy", ".npy"),
        ("superresolve", "tiff", ".tif"),
    ],
)
def test_a_file_for_each_image(service, images, tmp_path, command, form, suffix, capsys):
    assert main([command, str(images), "--out", "out", "--format", form]) == 0
    assert written(tmp_path / "out") == {f"a{suffix}": form, f"b{suffix}": form}
    assert capsys.readouterr().out == "out: 2 of 2 images\n"


def test_coco_of_a_folder_is_one_data_set_as_well(fake, images, tmp_path):
    (images / "sub").mkdir()
    (images / "a.png").rename(images / "sub" / "a.png")
    categories = [{"id": 3, "name": "cell"}]
    objects = [{"id": n, "image_id": 1, "category_id": 3, "bbox": [n, 0, 1, 1]} for n in (1, 2)]
    part = {"images": [{"id": 1, "file_name": "x"}], "annotations": objects}

    def reply(request):
        if request.url.path == "/livez":
            return httpx2.Response(200, json={"version": "0.1.0"})
        return httpx2.Response(200, json=part | {"categories": categories})

    fake.reply = reply
    assert main(["detect", str(images), "--out", "out", "--format", "coco"]) == 0
    whole = json.loads((tmp_path / "out" / "_annotations.coco.json").read_text())
    assert whole["categories"] == categories
    assert {each["file_name"] for each in whole["images"]} == {"b.PNG", "sub/a.png"}
    assert [each["id"] for each in whole["images"]] == [1, 2]
    places = [(each["id"], each["image_id"], each["bbox"][0]) for each in whole["annotations"]]
    assert places == [(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2)]
    assert json.loads((tmp_path / "out" / "sub" / "a.json").read_text())["annotations"] == objects


def test_json_is_the_whole_answer(service, images, tmp_path):
    assert main(["detect", str(images), "--out", "out"]) == 0
    assert json.loads((tmp_path / "out" / "a.json").read_text())["task"] == "detect"


def test_flags_are_the_endpoints_parameters(service, images):
    common = [str(images), "--out", "out", "--model", "m", "--tile", "64", "--overlap", "8"]
    shared = {"model": "m", "tile": "64", "overlap": "8"}
    for line, expected in (
        (
            "detect --threshold 0.25 --iou 0.75 --max-detections 9 --classes a,b --set z=3",
            {"threshold": "0.25", "iou": "0.75", "max_detections": "9", "classes": "a,b", "z": "3"},
        ),
        (
            "segment --mode semantic --threshold 0.5 --min-area 4 --classes a --format png",
            {"mode": "semantic", "threshold": "0.5", "min_area": "4", "classes": "a"}
            | {"format": "png"},
        ),
        ("superresolve --scale 4", {"scale": "4", "format": "image"}),
    ):
        assert main([*line.split(), *common]) == 0
        assert dict(service.last.url.params) == shared | expected


def test_one_bad_file_does_not_stop_the_rest(service, images, tmp_path, capsys):
    (images / "aa.png").write_bytes(b"bad")
    assert main(["segment", str(images), "missing.png", "--out", "out"]) == 1
    out, err = capsys.readouterr()
    assert sorted(written(tmp_path / "out")) == ["a.tif", "b.tif"]
    assert out == "out: 2 of 4 images\n"
    assert [line.split(": ")[1].split("/")[-1] for line in err.splitlines()] == [
        "aa.png",
        "missing.png",
    ]


def test_a_single_file_and_a_volume_go_as_jobs(service, images, tmp_path):
    one = str(images / "a.png")
    assert main(["detect", one, "--out", "out", "--format", "overlay"]) == 0
    assert main(["segment", str(images), "--out", "out", "--volume", "--link", "0.5"]) == 0
    assert written(tmp_path / "out") == {"a.png": "job", "a.tif": "job", "b.tif": "job"}
    posted = [request for request in service.requests if request.method == "POST"]
    assert all(request.headers["prefer"] == "respond-async" for request in posted)
    assert dict(posted[-1].url.params) == {"volume": "true", "link": "0.5", "format": "tiff"}


def test_leaving_cancels_the_job(service, images, monkeypatch):
    def leave(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("brightfield_client.job.Job.wait", leave)
    assert main(["detect", str(images / "a.png"), "--out", "out"]) == 130
    assert "DELETE" in [request.method for request in service.requests]


def test_an_image_keeps_its_kind(service, images, tmp_path):
    (images / "c.tif").write_bytes(b"tiff")
    assert main(["superresolve", str(images), "--out", "out"]) == 0
    assert sorted(written(tmp_path / "out")) == ["a.png", "b.png", "c.tif"]


def test_a_file_lies_where_its_image_does(service, images, tmp_path):
    (images / "a.tif").write_bytes(b"tiff")
    (images / "A.JPG").write_bytes(b"other")
    (images / "sub").mkdir()
    (images / "sub" / "a.png").write_bytes(b"below")
    assert main(["segment", str(images), "--out", "out", "--format", "npy"]) == 0
    assert sorted(written(tmp_path / "out")) == [
        "A.JPG.npy", "a.png.npy", "a.tif.npy", "b.npy", "sub/a.npy",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["detect --format overlay", "superresolve", "segment"])
def test_no_image_is_overwritten(service, images, command, capsys):
    (images / "c.tif").write_bytes(b"tiff")
    before = sorted(images.iterdir())
    assert main([*command.split(), str(images), "--out", str(images)]) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert (sorted(images.iterdir()), service.requests) == (before, [])


def test_what_cannot_be(service, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["detect", "empty", "--out", "out"]) == 2
    assert "no images" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["detect", "a.png", "--out", "out", "--format", "tiff"])
    assert service.requests == []
