"""The page about the library works, block by block, each as a program of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from .pages import blocks

PAGE = "docs/how-to/use-as-a-library.md"


@pytest.mark.slow
def test_the_python_works(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BRIGHTFIELD_DEVICE", "cpu")
    before = set(threading.enumerate())
    printed = []
    for block in blocks(PAGE, "python"):
        exec(compile(block.text, PAGE, "exec"), {"__name__": "__main__"})
        printed.append(capsys.readouterr().out.splitlines())
    five, back, looks, explained, many, together, faults, settings = printed
    assert "tiger cat" in five[0] and "Egyptian cat" in five[0]
    assert back[0].startswith("6 objects by nuclei") and back[1] == "(128, 160) uint16"
    assert looks == ["espresso 6"]
    assert explained[-1] == "16 of 16" and -1 <= float(explained[0]) <= 1
    assert (desk / "map.png").stat().st_size > 10_000
    assert many == [] and together[0].startswith("2 [")
    assert "Did you mean imagenet-lite0?" in faults[0] and faults[1] == "deadline_exceeded"
    assert settings == ["(1280,)"]
    assert set(threading.enumerate()) <= before
