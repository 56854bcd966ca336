"""The request that was made, copied as a script, gives the answer that the page shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import OpenPage, drop
from .test_shell import COFFEE, rows


def script(page: Page, language: str) -> str:
    page.get_by_role("tab", name=language, exact=True).click()
    return page.locator("dialog pre").inner_text()


def test_curl_and_python_give_the_same_answer(open_page: OpenPage, tmp_path: Path) -> None:
    image = tmp_path / "a cup's picture.png"
    image.write_bytes(COFFEE.read_bytes())
    page = open_page()
    drop(page, image)
    expect(page.locator(".bars li")).to_have_count(5)
    page.get_by_role("button", name="Copy as a script").click()
    curl, python = script(page, "curl"), script(page, "Python")
    assert shutil.which("curl")
    told = subprocess.run(curl, shell=True, cwd=tmp_path, capture_output=True, check=True)
    labels = [each["label"] for each in json.loads(told.stdout)["result"]["predictions"]]
    assert labels == rows(page)
    told = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, check=True
    )
    assert [each["label"] for each in json.loads(told.stdout)["predictions"]] == rows(page)
    for language in ("MATLAB", "Fiji"):
        assert "/classify" in script(page, language)
