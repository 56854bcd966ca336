"""The page about looking inside works, line by line, against a live service."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from brightfield_client.cli import main

from .curl import Conversation, by_httpx
from .pages import blocks, commands

PAGE = "docs/how-to/look-inside.md"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, pixels in (
        ("cat.png", skimage.data.chelsea()),
        ("dog.png", skimage.data.coffee()),
        ("photos/one.png", skimage.data.chelsea()),
        ("photos/two.png", skimage.data.coffee()),
    ):
        Image.fromarray(pixels).save(name)
    return tmp_path


@pytest.mark.slow
def test_the_shell_lines_work(address: str, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    talk = Conversation(by_httpx, address)
    printed = []
    for words in (words for block in blocks(PAGE, "bash") for words in commands(block.text)):
        if words[0] == "curl":
            printed.append(talk(words))
        else:
            assert main(words[1:]) == 0, words
    layers = json.loads(printed[0])
    assert layers["aliases"] == ["penultimate", "logits"]
    assert "blocks.2.expand.conv" in [layer["name"] for layer in layers["layers"]]
    assert np.load("maps.npy").shape == (24, 56, 56)
    for name in ("filters.png", "higher.png", "maps.png", "over.png", "sheet.png"):
        with Image.open(name) as picture:
            assert min(picture.size) > 100, name
    with Path("patches.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} <= {"0", "1"} and len({row["unit"] for row in rows}) == 2


@pytest.mark.slow
def test_the_python_works(address: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(PAGE, "python")
    exec(compile(block.text.replace("127.0.0.1:8000", address), PAGE, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["stem.conv (32, 3, 3, 3)", "(24, 56, 56)"]
    assert len(printed) == 2 + 3 + 6
    assert len(Path("patches.csv").read_text(encoding="utf-8").splitlines()) == 1 + 6
