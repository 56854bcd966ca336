"""The page of the lecture: every picture is drawn by its lines, in the notebook, too."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

import brightfield_client

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lecture() -> ModuleType:
    sys.path.insert(0, str(ROOT / "docs" / "pictures"))
    try:
        import lecture
    finally:
        sys.path.pop(0)
    return lecture


@pytest.fixture(scope="module")
def images(lecture: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    lecture.write_images(folder, None)
    return folder


def test_every_picture_is_there_and_takes_three_lines_at_most(lecture: ModuleType) -> None:
    found = lecture.blocks()
    names = [each.picture for each in found if each.picture]
    assert len(names) == len(set(names)) == 23
    files = {file.stem for file in (ROOT / "docs" / "pictures" / "lecture").glob("*.png")}
    assert files == set(names)
    assert all(len(each.code.splitlines()) <= 3 for each in found)


def test_the_notebook_has_the_lines_of_the_page(lecture: ModuleType) -> None:
    written = json.loads(lecture.PAGE.with_suffix(".ipynb").read_text("utf-8"))
    assert written == lecture.notebook()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs_from_top_to_bottom(
    lecture: ModuleType, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [c["source"] for c in lecture.notebook()["cells"] if c["cell_type"] == "code"]
    names: dict[str, Any] = {}
    with contextlib.chdir(images), lecture.service(images) as client:
        monkeypatch.setattr(brightfield_client, "Client", lambda: client)
        shown = [lecture.run(cell, names) for cell in cells]
    pictures = [value for value in shown if isinstance(value, Image.Image)]
    assert len(pictures) == 23
    for picture in pictures:
        assert min(picture.size) > 90 and len(picture.convert("RGB").getcolors(2**24) or ()) > 20
