"""The pages say what the code says: defaults, numbers on pictures, modules; no conflict is left."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from brightfield import zoo
from brightfield.cards import find_cards

from .markers import default, drawn, marked
from .pages import ROOT, pages

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
PLACES = (ROOT, ROOT / "docs", ROOT / "training", ROOT / "service" / "brightfield")
DATA_SETS = {"bccd/", "kodak/", "images/", "labels/"}  # of the reader's
CODE = sorted((ROOT / "service").rglob("*.py"))
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.png"))
# "default: 5", "default is `x`", "the default 5": a value that needs a marker before it.
_UNMARKED = re.compile(r"\bdefault(?::| is)? +(?!`\w+` *<!--)(?:`[^`]+`|\d)", re.IGNORECASE)
_CONDITIONAL = "Default: `similarity` for these models"  # what it is depends on the model
_FREE = {"docs/settings.md", "docs/house-style.md"}  # written by a script; about markers


def test_no_tracked_file_has_conflict_markers() -> None:
    found = subprocess.run(
        ["git", "grep", "-nIE", r"^(<{7}|>{7}|\|{7}) |^={7}$"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode == 128:
        pytest.skip("not a git checkout")
    assert found.stdout == ""


@pytest.mark.parametrize("page", PAGES)
def test_marked_values_are_those_of_the_code_and_the_pictures(page: Path) -> None:
    known = {"default": default, "picture": drawn}
    for each in marked(page.read_text(encoding="utf-8")):
        assert each.stated == known[each.kind](each.key), each.key


@pytest.mark.parametrize("page", PAGES)
def test_defaults_that_are_stated_carry_a_marker(page: Path) -> None:
    if str(page.relative_to(ROOT)) in _FREE or page.parent.name == "decisions":
        return
    text = page.read_text(encoding="utf-8").replace("\n", " ").replace(_CONDITIONAL, "")
    assert _UNMARKED.findall(text) == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_pictures_are_drawn_with_the_weights_that_are_shipped(picture: Path) -> None:
    facts = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
    cards, _ = find_cards((zoo.folder(),))
    assert facts["weights"], picture
    for model, digest in facts["weights"].items():
        weights = cards[model].weights
        assert weights is not None and weights.sha256 == digest, f"{picture.name}: draw it again"


@pytest.mark.parametrize("page", PAGES)
def test_modules_and_classes_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_0-9]+)*\.[A-Z]\w+)`", page.read_text("utf-8")):
        module, _, member = f"brightfield.{name}".rpartition(".")
        assert hasattr(importlib.import_module(module), member), name


def test_classes_that_are_named_by_the_pages_about_the_code_exist() -> None:
    defined = {
        name for file in CODE for name in re.findall(r"^class (\w+)", file.read_text("utf-8"), re.M)
    }
    for page in ("architecture", "threads", "extending"):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?:\.\w+)?`", text))
        assert named <= defined, (page, named - defined)


@pytest.mark.parametrize("page", PAGES)
def test_folders_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*/)`", page.read_text(encoding="utf-8")):
        if name in DATA_SETS:
            continue
        assert any((place / name).is_dir() for place in PLACES), name
