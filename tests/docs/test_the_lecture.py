"""The page of the lecture: every picture is drawn by its lines, in the notebook, too."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

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
    folder = ROOT / "docs" / "pictures" / "lecture"
    assert sorted(file.stem for file in folder.iterdir()) == sorted(names)
    assert all(len(each.code.splitlines()) <= 3 for each in found)


def test_the_notebook_has_the_lines_of_the_page(lecture: ModuleType) -> None:
    written = json.loads(lecture.PAGE.with_suffix(".ipynb").read_text("utf-8"))
    assert written == lecture.notebook()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs_in_jupyter_from_top_to_bottom(
    lecture: ModuleType, images: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    notebook = nbformat.read(lecture.PAGE.with_suffix(".ipynb"), as_version=4)
    where = {"metadata": {"path": str(images)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"])))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 23
    for picture in pictures:
        assert min(picture.size) > 90 and len(picture.convert("RGB").getcolors(2**24) or ()) > 20
