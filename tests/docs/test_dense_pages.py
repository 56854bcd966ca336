"""The pages about finding, segmenting and enlarging work, line by line, against a live service."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

from brightfield_client.cli import main

from .curl import Conversation, by_httpx
from .pages import blocks, commands

PAGES = {
    name: f"docs/how-to/{name}.md"
    for name in ("find-and-count-objects", "segment-nuclei", "enlarge-an-image")
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the images that the pages name; they only have to be of the kind."""
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    cells = skimage.data.immunohistochemistry()[:128, :160]
    spots = _spots()
    large = skimage.data.chelsea()[:96, :128]
    for name, pixels in (
        ("smear.png", cells),
        ("smears/one.png", cells),
        ("smears/two.png", cells[::-1]),
        ("nuclei.png", spots),
        ("fields/one.png", spots),
        ("fields/two.png", spots.T),
        ("controls/one.png", np.zeros_like(spots)),
        ("large.png", large),
        ("small.png", np.asarray(Image.fromarray(large).resize((64, 48)))),
        ("photos/cat.png", large[:40, :40]),
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(name)
    stack = np.stack([spots, spots, np.roll(spots, 3, axis=1)])
    tifffile.imwrite("stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    yield tmp_path
    plt.close("all")


def _spots() -> np.ndarray:
    """Bright discs on black."""
    y, x = np.mgrid[0:96, 0:112]
    field = np.zeros((96, 112), np.uint8)
    for row, column in ((20, 20), (25, 60), (60, 30), (70, 80), (58, 92)):
        field[np.hypot(y - row, x - column) < 9] = 200
    return field


def _ask(page: str, address: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the shell lines of a page; what the curl ones print."""
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    talk = Conversation(by_httpx, address)
    printed = []
    for words in (words for block in blocks(page, "bash") for words in commands(block.text)):
        if words[0] == "curl":
            printed.append(talk(words))
        else:
            assert main(words[1:]) == 0, words
    return printed


def _run(page: str, address: str) -> None:
    for block in blocks(page, "python"):
        exec(compile(block.text.replace("127.0.0.1:8000", address), page, "exec"), {})


@pytest.mark.slow
def test_objects_are_found_and_counted(
    address: str, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGES["find-and-count-objects"]
    (white,) = (json.loads(text) for text in _ask(page, address, monkeypatch) if text)
    assert {found["label"] for found in white["result"]["objects"]} <= {"WBC"}
    with Path("cells.csv").open(newline="") as file:
        assert next(csv.reader(file))[:4] == ["id", "label", "class_id", "score"]
    with Image.open("boxes.png") as overlay, Image.open("smear.png") as smear:
        assert overlay.size == smear.size
    assert {path.name for path in Path("cells").iterdir()} == {
        "one.csv",
        "two.csv",
        "smear.png",
        "manifest.csv",
    }
    capsys.readouterr()
    _run(page, address)
    counts, shape, *_, missing = capsys.readouterr().out.splitlines()
    found = ast.literal_eval(counts)
    assert set(found) == {"RBC", "WBC", "Platelets"}
    assert shape == f"({sum(found.values())}, 4)"
    assert missing.startswith("missing.png") and "No such file" in missing
    assert json.loads(Path("cells.geojson").read_text())["type"] == "FeatureCollection"


@pytest.mark.slow
def test_nuclei_are_segmented(
    address: str, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGES["segment-nuclei"]
    assert not any(_ask(page, address, monkeypatch))
    labels = tifffile.imread("labels.tif")
    assert (labels.shape, labels.dtype) == ((96, 112), np.uint16)
    with Path("nuclei.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(np.unique(labels[labels > 0]))
    with Image.open("mask.png") as mask:
        assert np.asarray(mask).max(initial=0) <= 1
    assert {path.name for path in Path("labels").iterdir()} == {
        "one.tif",
        "two.tif",
        "manifest.csv",
    }
    assert tifffile.imread("volumes/stack.tif").shape == (3, 96, 112)
    capsys.readouterr()
    _run(page, address)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith("nuclei in an image of (96, 112)")
    assert "(3, 96, 112)" in printed
    assert tifffile.imread("volume.tif").shape == (3, 96, 112)
    assert all(Path(f"nuclei.{suffix}").exists() for suffix in ("geojson", "zip"))


@pytest.mark.slow
def test_an_image_is_enlarged(
    address: str, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGES["enlarge-an-image"]
    (measured,) = (json.loads(text) for text in _ask(page, address, monkeypatch) if text)
    assert {"psnr", "ssim"} <= set(measured["result"])
    with Image.open("enlarged.png") as enlarged:
        assert enlarged.size == (128, 96)
    assert np.load("part.npy").shape == (64, 64, 3)
    assert {path.name for path in Path("enlarged").iterdir()} == {
        "small.png",
        "cat.tif",
        "manifest.csv",
    }
    capsys.readouterr()
    _run(page, address)
    assert capsys.readouterr().out.startswith("(96, 128, 3) uint8 None")
