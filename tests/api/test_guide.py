"""/docs/guide: built pages under a strict policy, or what to do where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from brightfield.api import guide, problems
from brightfield.api.guide import Guide
from brightfield.errors import NotFound

PAGE = "<script>run()</script><link rel=stylesheet href=assets/a.css>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "how-to").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "how-to" / "index.html").write_text("how")
    (tmp_path / "assets" / "a.css").write_text("a {}")
    return tmp_path


def test_pages_and_their_files_are_served(site: Path) -> None:
    pages = Guide(site)
    assert pages.reply("").body == PAGE.encode()
    assert pages.reply("how-to/").body == b"how"
    assert pages.reply("how-to").headers["location"] == "how-to/"
    assert pages.reply("assets/a.css").headers["content-type"].startswith("text/css")
    policy = pages.reply("").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "'sha256-" in policy


@pytest.mark.parametrize("name", ["nowhere", "../index.html", "assets/", "assets/../index.html"])
def test_what_isnt_there_is_said(site: Path, name: str) -> None:
    with pytest.raises(NotFound, match="lists them"):
        Guide(site).reply(name)


def test_without_pages_it_says_how_to_build_them(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="python docs/guide"):
        Guide(tmp_path / "guide").reply("")


def test_the_address_without_a_slash_leads_to_the_one_with_it(site: Path, monkeypatch) -> None:
    monkeypatch.setattr(guide, "files", lambda name: site.parent)
    site.rename(site.parent / "guide")
    app = FastAPI()
    problems.install(app)
    guide.install(app)
    asked = TestClient(app).get("/docs/guide")
    assert asked.text == PAGE and asked.url.path == "/docs/guide/"
