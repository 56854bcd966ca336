"""What the pages point at is there."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from brightfield.settings import Settings
from brightfield_client.cli.parser import parser

from .curl import Conversation, by_httpx
from .pages import ROOT, blocks, commands, files, pages

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
PLACES = (ROOT, ROOT / "service" / "brightfield")
NOT_SETTINGS = {"URL", "API_KEY"}  # of the client


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_files_settings_and_targets_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = set(files(str(page.relative_to(ROOT))))
    text = re.sub(r"`[\w/]*NAME\.py`", "", text)  # a place for a file of the reader's
    for name in set(re.findall(r"`([\w/]+\.py)`", text)) - shown:
        assert any((place / name).is_file() for place in (*PLACES, page.parent)), name
    for name in set(re.findall(r"BRIGHTFIELD_([A-Z_]+)", text)) - NOT_SETTINGS:
        assert name.lower() in Settings.model_fields, name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`(?:[A-Z_]+=\S+ )?make (\w+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_exist(page: Path) -> None:
    known = {name for action in parser()._actions for name in action.choices or ()}
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`brightfield (\w+)|^brightfield (\w+)", text, re.MULTILINE))
    assert {one or other for one, other in named} <= known


@pytest.mark.parametrize("page", PAGES)
def test_no_path_of_a_machine_is_shown(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|home|root|usr|tmp|opt)\b", page.read_text("utf-8"))


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\d+\. \[.+\]\((.+)\)$", index, re.MULTILINE)
    assert listed == sorted(file.name for file in folder.glob("0*.md"))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("explanations", 400_000),
        ("grad-cam", 200_000),
        ("dense", 400_000),
        ("dense-explanations", 600_000),
        ("collection", 200_000),
    ],
)
def test_the_picture_is_small_enough_for_a_readme(name: str, most: int) -> None:
    file = ROOT / "docs" / "pictures" / f"{name}.png"
    assert file.stat().st_size < most
    with Image.open(file) as picture:
        assert picture.width >= 600


def test_the_container_has_what_its_page_says() -> None:
    page = (ROOT / "docs" / "how-to" / "run-in-docker.md").read_text(encoding="utf-8")
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert 'VOLUME ["/data", "/models"]' in dockerfile
    assert "--uid 1000" in dockerfile
    assert "- models:/models" in compose
    assert "BRIGHTFIELD_ALLOWED_HOSTS" in compose
    for variable in ("BRIGHTFIELD_DATA=/data", "BRIGHTFIELD_MODELS=/models"):
        assert variable in dockerfile
    assert "`/data`" in page and "`/models`" in page


@pytest.mark.slow
def test_the_shell_lines_for_maps_of_objects_work(address: str, desk: Path) -> None:
    talk = Conversation(by_httpx, address)
    page = "docs/how-to/read-a-map.md"
    printed = [talk(words) for block in blocks(page, "bash") for words in commands(block.text)]
    objects, shapes, similarity = [json.loads(text)["result"] for text in printed if text]
    assert similarity["output"] == "similarity"
    assert len(objects["weights"]) > 3 and len(shapes["weights"]) == 2
    for name, size in (
        ("why.png", (160, 128)), ("similar.png", (600, 400)), ("parts.png", (600, 400))
    ):  # fmt: skip
        with Image.open(name) as overlay:
            assert overlay.size == size


@pytest.mark.slow
def test_the_shell_lines_for_other_tools_work(address: str, desk: Path) -> None:
    page = "docs/how-to/use-from-other-tools.md"
    talk = Conversation(by_httpx, address)
    lines = [words for block in blocks(page, "bash") for words in commands(block.text)]
    printed = [talk(words) for words in lines if words[0] == "curl"]
    assert printed[0].splitlines()[0] == "label,class_id,score"
    with Image.open("heat.tif") as heat:
        assert (heat.mode, heat.size) == ("F", (600, 400))
    with zipfile.ZipFile("maps.zip") as archive:
        assert sorted(archive.namelist()) == ["cat.png", "cup.png", "envelopes.json"]
