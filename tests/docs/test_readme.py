"""What stands in the README works against a live service, and its first screen is complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brightfield.cards import ModelCard
from brightfield_client.cli import main

from .pages import ROOT, blocks, commands

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_says_what_it_is_shows_it_installs_it_and_asks_once() -> None:
    intro, install, shell, python = README.split("\n## ")[:4]
    assert intro.split("\n\n")[1].count(". ") == 0  # one sentence
    assert intro.count("![") == 1
    assert all(system in install for system in ("Linux", "macOS", "Windows", "GB"))
    assert shell.count("![") == len(blocks("README.md", "bash")) == 1
    (block,) = blocks("README.md", "python")
    assert python.count("```python") == 1 and len(block.text.splitlines()) == 8


@pytest.mark.slow
def test_the_command_writes_the_picture_that_is_shown(
    address: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    ((program, *words),) = commands(blocks("README.md", "bash")[0].text)
    assert program == "brightfield" and main(words) == 0
    with Image.open("map.png") as made, Image.open(ROOT / "docs/pictures/grad-cam.png") as shown:
        assert made.size == shown.size
        difference = np.asarray(made.convert("RGB"), int) - np.asarray(shown.convert("RGB"), int)
    assert np.abs(difference).mean() < 4  # it is shown in 256 colours


@pytest.mark.slow
def test_the_python_works(address: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("README.md", "python")
    exec(compile(block.text.replace("127.0.0.1:8000", address), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(r"^espresso 0\.9", printed)
    assert re.search(r"^cat\.png .*cat$", printed, re.MULTILINE | re.IGNORECASE)
    with Image.open("grad_cam.png") as overlay:
        assert overlay.size == (600, 400)


def test_the_card_is_one() -> None:
    (block,) = blocks("README.md", "toml")
    fields: dict[str, Any] = tomllib.loads(block.text.replace('"..."', f'"{"0" * 64}"'))
    assert ModelCard.model_validate(fields).label_names == ("healthy", "infected")


def test_the_targets_that_are_named_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make (\w+)`", README))
    assert {"serve", "test", "check"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
