"""The request that was made, copied as a script, gives the answer that the page shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenPage, drop
from .test_shell import COFFEE, rows

JAR = Path(os.environ.get("IMAGEJ_JAR", "/usr/share/java/ij.jar"))


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
    told_by_body = by_body(script(page, "MATLAB"), image)
    assert [each["label"] for each in told_by_body["predictions"]] == rows(page)


def by_body(matlab: str, image: Path) -> dict[str, Any]:
    """What MATLAB's script asks for: the struct that it writes as JSON, posted from here."""
    line = next(each for each in matlab.splitlines() if each.startswith("parameters = "))
    pairs = re.findall(r'"(\w+)", "([^"]*)"', line)
    found = re.search(r'webwrite\("([^"]+)"', matlab)
    model = re.search(r'"model", "([^"]+)"', matlab)
    assert found and model and str(image.name) in matlab
    data = b64encode(image.read_bytes()).decode()
    body = {"image": {"data": data}, "model": model[1], "parameters": dict(pairs)}
    reply = httpx2.post(found[1], json=body, trust_env=False, timeout=60)
    assert reply.status_code == 200, reply.text
    result: dict[str, Any] = reply.json()["result"]
    return result


@pytest.mark.slow
def test_imagej_gives_the_same_answer(open_page: OpenPage) -> None:
    """ImageJ runs the macro but for two lines, for which it needs a screen: it sends the image
    itself instead of its duplicate."""
    lacking = (
        pytest.fail if os.environ.get("BRIGHTFIELD_IMAGEJ_TESTS") == "required" else pytest.skip
    )
    if not JAR.exists() or shutil.which("java") is None:
        lacking(f"ImageJ is not at {JAR}")
    page = open_page()
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    page.get_by_role("button", name="Copy as a script").click()
    macro = script(page, "Fiji")
    for line in ('run("Duplicate...", "title=brightfield");\n', "close();\n"):
        assert line in macro
        macro = macro.replace(line, "")
    macro = macro.replace("print(exec", "return exec").replace("));", ");")
    answer = json.loads(run_macro(macro, COFFEE))
    assert [each["label"] for each in answer["result"]["predictions"]] == rows(page)


def run_macro(macro: str, image: Path) -> str:
    """What ImageJ returns with this image open."""
    import jpype

    if not jpype.isJVMStarted():
        jpype.startJVM("-Djava.awt.headless=true", classpath=[str(JAR)])
    opened = jpype.JClass("ij.io.Opener")().openImage(str(image))
    jpype.JClass("ij.WindowManager").setTempCurrentImage(opened)
    return str(jpype.JClass("ij.IJ").runMacro(macro))
