"""The recipes for R, CellProfiler and KNIME work; what cannot be installed is played."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import numpy as np
import pytest
import tifffile

from brightfield_client.cli import main

from .pages import ROOT, blocks, commands

PAGE = "docs/how-to/use-from-other-tools.md"


@pytest.mark.slow
def test_the_lines_of_r_work(address: str, desk: Path) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not on this machine")
    (block,) = blocks(PAGE, "r")
    code = block.text.replace("127.0.0.1:8000", address) + "cat(nrow(cells), sum(cells$area_px))\n"
    done = subprocess.run([rscript, "-e", code], capture_output=True, text=True, check=True)
    table = httpx2.post(
        f"http://{address}/segment?format=csv", content=Path("field.png").read_bytes()
    )
    rows = list(csv.DictReader(table.text.splitlines()))
    areas = sum(int(row["area_px"]) for row in rows)
    assert done.stdout.splitlines()[-1] == f"{len(rows)} {areas}" and len(rows) > 1
    assert re.search(r"^1\s+.*espresso", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_cellprofiler_gets_a_label_image_for_each_image(
    address: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it reads objects: whole numbers in one plane of the image's size, each an object."""
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    Path("plate").mkdir()
    for name in ("a", "b"):
        shutil.copy("field.png", f"plate/{name}.png")
    section = (
        (ROOT / PAGE).read_text(encoding="utf-8").split("## CellProfiler")[1].split("\n## ")[0]
    )
    ((_, *words),) = commands(section.split("```bash\n")[1].split("```")[0])
    assert main(words) == 0
    assert sorted(path.stem for path in Path("labels").glob("*.tif")) == ["a", "b"]
    labels = tifffile.imread("labels/a.tif")
    assert labels.shape == (128, 160) and labels.dtype == np.uint16
    numbers = np.unique(labels)
    assert numbers.tolist() == list(range(len(numbers))) and len(numbers) > 2
    assert (Path("labels") / "manifest.csv").is_file()


def test_knimes_request_is_one_of_the_document_and_its_paths_lead_to_values(
    address: str, desk: Path
) -> None:
    (block,) = blocks(PAGE, "http")
    first, *lines = block.text.splitlines()
    method, url = first.split()
    headers = dict(line.split(": ", 1) for line in lines)
    parts = urlsplit(url)
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    operation = document["paths"][parts.path][method.lower()]
    assert headers["Content-Type"] in operation["requestBody"]["content"]
    known = {_resolved(document, each)["name"] for each in operation["parameters"]}
    assert set(parse_qs(parts.query)) <= known
    reply = httpx2.request(
        method, url.replace("127.0.0.1:8000", address), headers=headers,
        content=Path("cup.png").read_bytes(),
    ).json()  # fmt: skip
    label, score = (_found(reply, path) for path in blocks(PAGE, "jsonpath")[0].text.split())
    assert label == "espresso" and 0.9 < score <= 1


def _found(value: Any, path: str) -> Any:
    """What a path of names and places leads to."""
    for name, place in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(place)]
    return value


def _resolved(document: Any, value: Any) -> Any:
    if "$ref" not in value:
        return value
    for key in value["$ref"].removeprefix("#/").split("/"):
        document = document[key]
    return document
