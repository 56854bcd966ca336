"""The page: whole, well formed, and deaf to what callers write into it."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from brightfield.reports.page import page
from brightfield.reports.plots import available

Report = dict[str, Any]

# Elements that HTML does not close.
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Structure(HTMLParser):
    """Elements in their order, whether all were closed, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.slow
def test_every_page_is_whole_and_needs_nothing_else(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        text = page(report).decode()
        found = Structure(text)
        assert not found.named("script") and not found.named("link"), name
        addresses = [
            value
            for _, attributes in found.tags
            for attribute, value in attributes.items()
            if attribute in ("src", "href", "xlink:href", "action", "data") and value
        ]
        places = [each for each in addresses if not each.startswith("data:image/png;base64,")]
        assert all(place.startswith("#") for place in places), name
        targets = {attributes["id"] for _, attributes in found.tags if "id" in attributes}
        assert {place[1:] for place in places} <= targets, name
        assert "http-equiv" in str(found.named("meta"))
        assert not re.search(r"url\((?!#)|@import", text), name


@pytest.mark.slow
def test_ids_are_unique(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        found = Structure(page(report).decode())
        ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), name


def test_it_can_be_read_without_seeing_it(reports: dict[str, Report]) -> None:
    found = Structure(page(reports["several"]).decode())
    headings = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    tables, captions = found.named("table"), found.named("caption")
    assert len(tables) == len(captions) > 3
    assert all(th["scope"] in ("col", "row") for th in found.named("th"))
    pictures = [attributes for _, attributes in found.tags if attributes.get("role") == "img"]
    assert len(pictures) == len(found.named("figure")) > 2
    assert all(picture["aria-label"] for picture in pictures)
    assert found.named("html") == [{"lang": "en"}]


@pytest.mark.parametrize("kind", ["hostile", "hostile_boxes"])
def test_nothing_breaks_out(kind: str, reports: dict[str, Report]) -> None:
    text = page(reports[kind], 'Run </title><script src="//x">').decode()
    found = Structure(text)
    assert not found.named("script") and not found.named("img")
    assert "<script" not in text.lower()
    assert not [
        name for _, attributes in found.tags for name in attributes if name.startswith("on")
    ]
    joined = "".join(found.texts)
    assert '<script>alert("x")</script>&amp;$\\frac{1}$' in joined  # as it was written
    assert "細胞" in joined
    assert "\x00" not in text and "\u202e" not in text


def test_every_part_of_a_report_is_there(reports: dict[str, Report]) -> None:
    report = reports["youden"]
    found = Structure(page(report, "My run").decode())
    text = "".join(found.texts)
    assert "My run" in text and report["input_sha256"] in text
    assert "chosen by youden on these very rows" in text
    ids = {attributes["id"] for _, attributes in found.tags if "id" in attributes}
    assert {"summary", "numbers", "curves", "thresholds", "confusion", "calibration", "worst",
            "conventions", "plot-roc", "plot-pr", "plot-calibration"} <= ids  # fmt: skip
    assert [row.get("class") for row in found.named("tr")].count("marked") == 1
    hostile = "".join(Structure(page(reports["hostile"]).decode()).texts)
    assert "the truth is missing" in hostile


def test_plots_are_on_the_page(reports: dict[str, Report]) -> None:
    for name in ("sixty", "masks", "boxes", "images"):
        ids = re.findall(r'id="plot-(\w+)"', page(reports[name]).decode())
        expected = set(available(reports[name])) - (
            {"confusion"} if name in ("masks", "boxes") else set()
        )
        assert set(ids) == expected, name


def test_a_page_is_the_same_every_time(reports: dict[str, Report]) -> None:
    assert page(reports["several"]) == page(reports["several"])
