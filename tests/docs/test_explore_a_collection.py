"""The page about collections works, line by line, against a live service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from brightfield_client.cli import main

from .curl import Conversation, by_httpx
from .pages import blocks, commands

PAGE = "docs/how-to/explore-a-collection.md"


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of pictures, a folder each."""
    monkeypatch.chdir(tmp_path)
    for kind, pixels in (("cat", skimage.data.chelsea()), ("cup", skimage.data.coffee())):
        folder = Path("cells") / kind
        folder.mkdir(parents=True)
        for x in range(0, 240, 20 if kind == "cat" else 40):
            Image.fromarray(pixels[:96, x : x + 96]).save(folder / f"{x:03d}.png")
    Image.fromarray(skimage.data.coffee()[:96, 20:116]).save("one.png")


@pytest.mark.slow
def test_the_shell_lines_work(
    address: str, cells: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    talk, printed = Conversation(by_httpx, address), []
    for words in (words for block in blocks(PAGE, "bash") for words in commands(block.text)):
        if words[0] == "curl":
            printed.append(json.loads(talk(words)))
        else:
            assert main(words[1:]) == 0, words
    assert "18 added; 18 items in all" in capsys.readouterr().out
    kept, near, clusters, labels, made, other = printed
    assert (kept["items"], kept["model"]) == (18, "imagenet-lite0")
    assert [each["metadata"]["kind"] for each in near["neighbors"]] == ["cup"] * 3
    assert sum(each["size"] for each in clusters["clusters"]) == 18
    assert labels["by"] == "kind" and len(made["points"]["x"]) == 18
    assert other["keep_images"] is True


@pytest.mark.slow
def test_the_python_works(address: str, cells: None, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(PAGE, "python")
    exec(compile(block.text.replace("127.0.0.1:8000", address), PAGE, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert all("cells/cup/" in line and line.endswith("cup") for line in printed[:3])
    assert printed[-2].startswith("1.0 ") and "same_gradients" not in printed[-2]
    assert printed[-1].startswith("trustworthiness 0.") or printed[-1].endswith("1.0")
    for name in ("map.png", "kinds.png", "odd.png"):
        with Image.open(name) as picture:
            assert min(picture.size) >= 1024, name
