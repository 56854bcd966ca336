"""A model over a data set through the real service, broken off and gone on with."""

from __future__ import annotations

import asyncio
import json
import threading

import httpx2
import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from brightfield_client import AsyncClient, Client
from brightfield_client.cli import main
from brightfield_client.evaluating.classification import ClassificationEvaluator

LABELS = ("RBC", "WBC", "Platelets")
FAST = {"ci": {"method": "none"}}
MODEL = "blood-cell-types"


class Flaky(httpx2.BaseTransport):
    """The network, which counts the questions about images and can be made to break."""

    def __init__(self):
        self._inner = httpx2.HTTPTransport()
        self._lock = threading.Lock()
        self.asked = 0
        self.breaks = None

    def handle_request(self, request):
        if request.url.path == "/classify":
            with self._lock:
                self.asked += 1
                number = self.asked
            if self.breaks is not None and (reply := self.breaks(number)) is not None:
                return reply
        return self._inner.handle_request(request)

    def close(self):
        self._inner.close()


@pytest.fixture
def network():
    return Flaky()


@pytest.fixture
def client(service_url, network):
    with Client(service_url, transport=network, retries=0) as made:
        yield made


@pytest.fixture
def name(request):
    """A name of a run for each test."""
    return request.node.name


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Thirty small pictures in folders of three classes, and chunks of four."""
    monkeypatch.setattr(ClassificationEvaluator, "size", 4)
    rng = np.random.default_rng(0)
    for number in range(30):
        folder = tmp_path / "cells" / LABELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        shade = rng.integers(0, 255, (1, 1, 3))
        pixels = np.clip(shade + rng.integers(-30, 30, (24, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return tmp_path / "cells"


@pytest.mark.slow
def test_the_report_is_that_of_all_answers_at_once(client, cells, name):
    found = client.evaluate(cells, MODEL, run=name, options=FAST, concurrency=2)
    assert not found.errors and found.report.n == 30
    files = sorted(cells.rglob("*.png"))
    answers = [item.unwrap() for item in client.map(files, model=MODEL, top_k=4, threshold=0)]
    labels = client.model(MODEL).labels
    scores = np.zeros((30, len(labels)))
    for row, answer in enumerate(answers):
        for each in answer:
            scores[row, each.class_id] = each.score
    expected = client.metrics([file.parent.name for file in files], scores, labels=labels, **FAST)
    assert found.report["auroc_macro"].value == pytest.approx(expected["auroc_macro"].value)
    assert found.report.confusion["counts"] == expected.confusion["counts"]
    assert {case["id"] for case in found.report.worst} <= {
        file.relative_to(cells).as_posix() for file in files
    }
    assert found.report.to_html("A <run>").count("<h1>A &lt;run&gt;</h1>") == 1
    assert b"<svg" in found.report.again("svg", plot="confusion").content


def test_a_broken_run_goes_on_without_loss_or_double_counting(client, network, cells, name):
    whole = client.evaluate(cells, MODEL, run=f"{name} whole", options=FAST, concurrency=2)
    for stop in (3, 9, 14):  # each attempt begins behind the chunks that are there
        network.asked = 0

        def broken(number, stop=stop):
            if number > stop:
                raise KeyboardInterrupt

        network.breaks = broken
        with pytest.raises(KeyboardInterrupt):
            client.evaluate(cells, MODEL, run=name, options=FAST, concurrency=2)
    network.breaks, network.asked = None, 0
    found = client.evaluate(cells, MODEL, run=name, options=FAST, concurrency=2)
    assert 0 < network.asked < 30
    assert found.report.n == 30
    assert found.report.confusion == whole.report.confusion
    network.asked = 0
    again = client.evaluate(cells, MODEL, run=name, options=FAST)
    assert network.asked == 0
    assert again.report.raw == found.report.raw


def test_what_fails_for_now_is_asked_about_the_next_time(client, network, cells, name):
    problem = {"code": "lane_down", "detail": "Not now.", "retryable": False}
    network.breaks = lambda number: httpx2.Response(503, json=problem) if number == 6 else None
    found = client.evaluate(cells, MODEL, run=name, options=FAST, concurrency=1)
    assert [type(item.error).__name__ for item in found.errors] == ["UnavailableError"]
    assert found.report.n == 26
    network.breaks, network.asked = None, 0
    found = client.evaluate(cells, MODEL, run=name, options=FAST)
    assert (network.asked, found.report.n, found.errors) == (4, 30, ())


def test_a_bad_image_is_missing_and_does_not_stop_the_rest(client, cells, name):
    (cells / "RBC" / "00.png").write_bytes(b"no image")
    found = client.evaluate(cells, MODEL, run=name, options=FAST)
    assert [item.source.name for item in found.errors] == ["00.png"]
    assert found.report.n == 29
    assert found.report.excluded[0]["id"] == "RBC/00.png"
    assert found.report.excluded[0]["reason"] == "missing_score"


def test_copies_are_noted(client, cells, name):
    first = cells / "RBC" / "00.png"
    (cells / "RBC" / "00 copy.png").write_bytes(first.read_bytes())
    found = client.evaluate(cells, MODEL, run=name, options=FAST)
    (note,) = (each for each in found.report.warnings if each.code == "repeated_rows")
    assert note.detail.startswith("1 of 31 rows")


def test_labels_and_runs_that_do_not_fit_are_refused(client, cells, name):
    client.evaluate(cells, MODEL, run=name, options=FAST)
    with pytest.raises(ValueError, match="chunks of another model, data set or other parameters"):
        client.evaluate(cells, MODEL, run=name, options=FAST, intensity="range:0,200")
    (cells / "RBC").rename(cells / "red")
    with pytest.raises(ValueError, match="does not know red; it knows RBC, WBC, Platelets"):
        client.evaluate(cells, MODEL, run=f"{name} 2")


def test_a_changed_file_of_equal_size_is_refused_by_its_name(client, tmp_path, name):
    shaded(tmp_path)
    for part in ("images", "labels"):
        for number in range(3):
            array = np.asarray(Image.open(tmp_path / part / f"{number}.png"))
            np.save(tmp_path / part / f"{number}.npy", array)
            (tmp_path / part / f"{number}.png").unlink()
    first = client.evaluate(tmp_path, "shades", run=name, options=FAST)
    assert (first.there, first.total, first.report["dice"].value) == (0, 3, 1)
    again = client.evaluate(tmp_path, "shades", run=name, options=FAST)
    assert (again.there, again.report.raw) == (3, first.report.raw)
    for part in ("labels", "images"):
        changed = tmp_path / part / "1.npy"
        before, array = changed.read_bytes(), np.load(changed)
        np.save(changed, np.roll(array, 5, axis=0))
        assert changed.stat().st_size == len(before)
        with pytest.raises(ValueError, match=r"other content of 1\.npy; choose a new name"):
            client.evaluate(tmp_path, "shades", run=name, options=FAST)
        changed.write_bytes(before)
    np.save(tmp_path / "labels" / "1.npy", np.roll(np.load(tmp_path / "labels" / "1.npy"), 5, 0))
    fresh = client.evaluate(tmp_path, "shades", run=f"{name} anew", options=FAST)
    assert fresh.report["dice"].value < 0.9


def test_one_bad_mask_costs_itself_alone(client, service_url, tmp_path, name, capsys):
    shaded(tmp_path, 48)
    Image.fromarray(np.full((16, 24), 9, np.uint8)).save(tmp_path / "labels" / "1.png")
    for attempt in range(2):
        found = client.evaluate(tmp_path, "shades", run=name, options=FAST)
        assert found.report.n == 47, attempt
        assert found.report.raw["excluded_n"] == 1
        (failed,) = found.errors
        assert failed.source == "1"
        assert "has the value 9" in str(failed.error)
    words = ["evaluate", "--model", "shades", "--data", str(tmp_path), "--run", f"{name} by hand",
             "--url", service_url, "--option", "ci.method=none"]  # fmt: skip
    assert main(words) == 1
    printed = capsys.readouterr()
    assert "47 counted, 1 left out, 1 failed" in printed.out
    assert "1: `truth` of pair 1 has the value 9" in printed.err


def test_hidden_files_are_no_images(client, tmp_path, name):
    shaded(tmp_path)
    (tmp_path / "images" / ".ipynb_checkpoints").mkdir()
    for hidden in ("._0.png", ".ipynb_checkpoints/0-checkpoint.png"):
        (tmp_path / "images" / hidden).write_bytes(b"no image")
    found = client.evaluate(tmp_path, "shades", run=name, options=FAST)
    assert (found.report.n, found.errors) == (3, ())


def test_the_same_for_asyncio(service_url, cells, name):
    async def ask():
        async with AsyncClient(service_url) as made:
            return await made.evaluate(cells, MODEL, run=name, options=FAST)

    assert asyncio.run(ask()).report.n == 30


def shaded(tmp_path, count=3):
    """Pictures of a bright and a dark half on grey, with their true masks."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for number in range(count):
        pixels = np.full((16, 24), 128, np.uint8)
        truth = np.zeros((16, 24), np.uint8)
        edge = 8 + number % 3
        pixels[:8, edge:], truth[:8, edge:] = 250, 1
        pixels[8:, :edge], truth[8:, :edge] = 5, 2
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(truth).save(tmp_path / "labels" / f"{number}.png")


def test_masks(client, tmp_path, name):
    shaded(tmp_path)
    small = Image.fromarray(np.zeros((3, 3), np.uint8))
    small.save(tmp_path / "labels" / "1.png")
    found = client.evaluate(tmp_path, "shades", run=name, options=FAST)
    assert found.report["dice"].value == 1
    assert [entry.label for entry in found.report.per_class] == ["bright", "dark"]
    assert "The mask has 3 x 3 pixels and the image 24 x 16." in str(found.errors[0].error)
    assert found.report.n == 2 and found.report.excluded[0]["id"] == "1"
    assert b"Dice" in found.report.again("svg").content


def test_boxes(client, tmp_path, name):
    pixels = np.full((32, 32), 128, np.uint8)
    pixels[8:16, 16:24] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    truth = {
        "images": [{"id": 4, "file_name": "a.png"}, {"id": 5, "file_name": "b.png"}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 9, "bbox": [16, 8, 8, 8], "area": 64},
            {"id": 2, "image_id": 5, "category_id": 9, "bbox": [0, 0, 8, 8], "area": 64},
        ],
        "categories": [{"id": 9, "name": "bright"}],
    }
    (tmp_path / "set.json").write_text(json.dumps(truth))
    found = client.evaluate(tmp_path / "set.json", "boxes", run=name, options=FAST)
    assert found.report["ap"].value == pytest.approx(1)
    assert found.report.n == 1 and len(found.errors) == 1
    assert [entry["id"] for entry in found.report.excluded] == ["5"]
    assert found.report.raw["errors"]["threshold"] == 0.6  # the model's own


def test_one_bad_annotation_costs_its_image_alone(client, tmp_path, name):
    box = [16, 8, 8, 8]
    for number in range(3):
        pixels = np.full((32, 32), 128 + number, np.uint8)
        pixels[8:16, 16:24] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    annotations = [{"image_id": n, "category_id": 9, "bbox": list(box)} for n in range(3)]
    annotations[1]["bbox"][2] = -8
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(3)]
    categories = [{"id": 9, "name": "bright"}]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "set.json").write_text(json.dumps(truth))
    found = client.evaluate(tmp_path / "set.json", "boxes", run=name, options=FAST)
    assert (found.report.n, found.report.raw["excluded_n"]) == (2, 1)
    assert found.report["ap"].value == pytest.approx(1)
    (failed,) = found.errors
    assert failed.source == "1" and "1.png" in str(failed.error)


def test_images_that_are_made_smaller_and_enlarged(client, tmp_path, name):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (21, 31, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = client.evaluate(tmp_path, "twice", run=name, options=FAST)
    whole = pixels[:20, :30]
    small = Image.fromarray(whole).resize((15, 10), Image.Resampling.BICUBIC)
    enlarged = np.asarray(small).repeat(2, axis=0).repeat(2, axis=1)
    luma = [rgb2ycbcr(each)[2:-2, 2:-2, 0] for each in (whole, enlarged)]
    expected = peak_signal_noise_ratio(*luma, data_range=255)
    assert found.report["psnr"].value == pytest.approx(expected, abs=1e-9)
    every = {**FAST, "luminance": False, "border": 0}
    found = client.evaluate(tmp_path, "twice", run=f"{name} of all pixels", options=every)
    expected = peak_signal_noise_ratio(whole, enlarged)
    assert found.report["psnr"].value == pytest.approx(expected, abs=1e-9)


def test_objects_are_cut_out_of_their_image(client, tmp_path, name):
    pixels = np.random.default_rng(0).integers(0, 255, (80, 100, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "smear.png")
    boxes = [[40, 30, 20, 10], [90, 0, 10, 10]]  # the second at a corner
    document = {
        "images": [{"id": 1, "file_name": "smear.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box} for box in boxes],
        "categories": [{"id": 1, "name": "RBC"}],
    }
    (tmp_path / "set.json").write_text(json.dumps(document))
    found = client.evaluate(tmp_path / "set.json", MODEL, run=name, options=FAST)
    scores = [case["score"] for case in sorted(found.report.worst, key=lambda each: each["id"])]
    windows = pixels[23:47, 38:62], pixels[:12, 88:]
    for row, window in zip(scores, windows, strict=True):
        expected = {found.class_id: found.score for found in client.classify(window, MODEL)}
        assert row[0] == pytest.approx(expected[0], abs=1e-6)


def test_the_command(service_url, cells, name, tmp_path, capsys):
    out = tmp_path / "report.html"
    words = ["evaluate", "--model", MODEL, "--data", str(cells), "--run", name, "--url",
             service_url, "--option", "ci.method=none", "--out", str(out)]  # fmt: skip
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "accuracy" in printed and "30 counted, 0 left out, 0 failed" in printed
    assert f"<h1>{name}</h1>" in out.read_text(encoding="utf-8")
    assert main([*words[:-1], str(tmp_path / "report.pdf")]) == 2
    assert "--out ends in one of" in capsys.readouterr().err
    gates = ["--require", "accuracy>=1.5", "--out", str(tmp_path / "junit.xml")]
    assert main([*words, *gates]) == 4
    printed = capsys.readouterr().out
    assert "not met: accuracy>=1.5" in printed and "30 of 30 already there" in printed
    assert b"<failure" in (tmp_path / "junit.xml").read_bytes()
    assert main([*words, "--run", f"{name} 3", "--require", "accuracy/WBC>=0"]) == 2
    assert "no number 'accuracy/WBC'" in capsys.readouterr().err
    (cells / "WBC" / "99.png").write_bytes(b"no image")
    assert main([*words, "--run", f"{name} 2"]) == 1
    printed = capsys.readouterr()
    assert "30 counted, 1 left out, 1 failed" in printed.out and "99.png" in printed.err
