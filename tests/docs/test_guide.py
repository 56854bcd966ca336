"""The built guide is complete, and asks no other origin."""

from __future__ import annotations

import html
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

import brightfield_client
from brightfield.errors import BrightfieldError
from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

from .pages import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    pytest.importorskip("mkdocs")
    sys.path.insert(0, str(ROOT / "docs" / "guide"))
    try:
        import site_builder
    finally:
        sys.path.pop(0)
    return site_builder


@pytest.fixture(scope="module")
def site(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    builder.build_site(folder)
    return folder


def text(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text("utf-8")


def test_every_public_name_and_method_of_the_sdk_has_a_place(
    builder: ModuleType, site: Path
) -> None:
    import sdk_pages

    page = text(site, "docs/reference")
    places = set(re.findall(r'id="([\w.]+)"', page))
    assert set(brightfield_client.__all__) <= places
    for name in ("Client", "Collection", "Job"):
        members = sdk_pages.public_members(getattr(brightfield_client, name))
        assert len(members) >= 5 and {f"{name}.{each}" for each in members} <= places
    plain = html.unescape(re.sub("<[^>]+>", "", page))
    assert "top_k: How many classes to name." in plain and "timeout: Seconds for this call" in plain


def test_every_setting_code_series_and_endpoint_has_a_row(site: Path) -> None:
    settings = text(site, "docs/settings")
    for name in Settings.model_fields:
        assert f"BRIGHTFIELD_{name.upper()}" in settings, name
    counters = text(site, "docs/counters")
    for metric in Telemetry().registry.collect():
        assert metric.name in counters
    errors = text(site, "docs/conventions/errors")
    kinds = [BrightfieldError]
    for kind in kinds:  # grows while it is read
        kinds += kind.__subclasses__()
        assert kind.__subclasses__() or f">{kind.code}<" in errors, kind
    assert len(kinds) > 40
    document = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    endpoints = html.unescape(text(site, "docs/endpoints"))
    for path in document["paths"]:  # the page has one row for what belongs together
        last = [part for part in path.split("/") if part and "{" not in part][-1:]
        assert "/".join(("", *last)) in endpoints, path


class Asked(HTMLParser):
    """The addresses that a browser asks by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "audio", "video"):
            self.found.add(given.get("src") or "")
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.found.add(given.get("href") or "")


def test_no_page_asks_another_origin(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        asked = Asked()
        asked.feed(page.read_text("utf-8"))
        assert not [each for each in asked.found if re.match(r"(https?:)?//", each)], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\"]?(https?:)?//", style.read_text("utf-8")), style


def test_links_between_pages_hold(site: Path) -> None:
    for page in site.rglob("index.html"):
        for link in re.findall(r'<a href="([^"#:]+)(?:#[^"]*)?"', page.read_text("utf-8")):
            target = (page.parent / link).resolve()
            shown = target / "index.html" if target.is_dir() else target
            outside = link.endswith((".py", ".json", ".toml", ".js")) or not target.suffix
            assert shown.exists() or outside, (page, link)
