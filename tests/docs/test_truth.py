"""The pages say what the code says: defaults, numbers on pictures, modules; no conflict is left."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from brightfield import zoo
from brightfield.card_folders import find_cards

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
    cards = find_cards((zoo.folder(),)).cards
    assert facts["weights"], picture
    for model, digest in facts["weights"].items():
        weights = cards[model].weights
        assert weights is not None and weights.sha256 == digest, f"{picture.name}: draw it again"


@pytest.mark.parametrize("page", PAGES)
def test_modules_and_classes_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    own = set(re.findall(r"^class (\w+)", text, re.MULTILINE))  # what the page makes itself
    for name in re.findall(r"`([a-z_]+(?:\.[a-z_0-9]+)*\.[A-Z]\w+)`", text):
        if name.rpartition(".")[2] in own:
            continue
        module, _, member = f"brightfield.{name}".rpartition(".")
        assert hasattr(importlib.import_module(module), member), name


def test_classes_that_are_named_by_the_pages_about_the_code_exist() -> None:
    texts = [file.read_text(encoding="utf-8") for file in CODE]
    for page in ("architecture", "threads", "extending"):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        for name, member in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?:\.(\w+))?`", text):
            homes = [each for each in texts if re.search(rf"^class {name}\b", each, re.MULTILINE)]
            assert homes, (page, name)
            has = rf"^    (?:async )?(?:def )?{member}\b"
            assert not member or any(re.search(has, each, re.MULTILINE) for each in homes), member


def test_the_layers_are_those_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (checked,) = (each["layers"] for each in contracts if each["type"] == "layers")
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = text.split("```\n")[1].splitlines()
    assert len(shown) == len(checked)
    for line, layer in zip(shown, checked, strict=True):
        assert re.match("  ".join(layer.split(" | ")) + "  ", line), layer


def test_every_thread_that_is_made_has_a_row() -> None:
    made = r'(?:WorkerPool\(.*|LoopThread\(|thread_name_prefix=|name=)f?"([a-z]+(?:-[a-z]+)*)[-"]'
    names = {name for file in CODE for name in re.findall(made, _threaded(file))}
    rows = re.findall(r"^\| `([\w-]+)`", (ROOT / "docs" / "threads.md").read_text("utf-8"), re.M)
    assert {"lane", "decode", "explain", "load"} <= names
    assert names == {re.split(r"[-_][A-Z]", row)[0] for row in rows} - {"asyncio"}


def _threaded(file: Path) -> str:
    """The lines of a file that start threads."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if re.search(r"Thread|WorkerPool\(", line))


@pytest.mark.parametrize("page", PAGES)
def test_folders_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*/)`", page.read_text(encoding="utf-8")):
        if name in DATA_SETS:
            continue
        assert any((place / name).is_dir() for place in PLACES), name


def measured(model: str) -> list[float]:
    cards = find_cards((zoo.folder(),)).cards
    return [each.value for each in cards[model].quality]


def agrees(text: str, values: list[float]) -> bool:
    """Whether one of the values is what the text says, at the text's number of decimals."""
    decimals = len(text.partition(".")[2])
    return any(abs(float(text) - value) < 0.51 * 10**-decimals for value in values)


def test_numbers_of_cards_are_those_on_the_cards() -> None:
    page = (ROOT / "docs/how-to/evaluate-predictions.md").read_text(encoding="utf-8")
    section = page.split("### The numbers on the cards")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]*\|([^|]*)\|", section, re.MULTILINE)
    assert len(rows) == 6
    for model, cell in rows:
        numbers = re.findall(r"(?<![\w.])\d+\.\d{3,}", cell)
        assert numbers and all(agrees(number, measured(model)) for number in numbers), model


def test_gains_of_the_microscopy_model_are_those_on_its_card() -> None:
    page = (ROOT / "docs/how-to/enlarge-an-image.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\d\.\d\d", page.split("## With curl")[0])
    assert len(numbers) == 5
    assert all(agrees(number, measured("microscopy-x2")) for number in numbers)
