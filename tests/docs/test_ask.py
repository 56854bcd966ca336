"""The pages about asking with curl and with Python work, line by line, against a live service."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx2
import pytest
import tifffile
from PIL import Image

from brightfield_client.cli import main

from .curl import Conversation, Run, by_curl, by_httpx
from .pages import ROOT, blocks, commands

PAGE = "docs/how-to/ask-with-curl.md"
SHELL = blocks(PAGE, "bash")
CURLS = [words for block in SHELL for words in commands(block.text) if words[0] == "curl"]
CLI = [words for block in SHELL for words in commands(block.text) if words[0] == "brightfield"]


@pytest.mark.slow
@pytest.mark.parametrize("run", [by_curl, by_httpx])
def test_the_curl_lines_work(run: Run, address: str, desk: Path) -> None:
    if run is by_curl and shutil.which("curl") is None:
        pytest.skip("curl is not on this machine; the same requests are sent by the other case")
    talk = Conversation(run, address)
    printed = {words[-1]: talk(words) for words in CURLS}
    replies = {url: json.loads(text) for url, text in printed.items() if text[:1] == "{"}
    assert _labels(replies["localhost:8000/classify?top_k=3"])[0] == "espresso"
    assert len(replies["localhost:8000/classify?window=200&stride=100"]["result"]["map"]["labels"])
    assert len(replies["localhost:8000/classify?top_k=1"]["items"]) == 2
    assert "cat" in _labels(replies["localhost:8000/classify"])[0].lower()
    assert replies["localhost:8000/embed?normalize=true"]["result"]["normalized"]
    hidden = replies["localhost:8000/occlusion?hide=160,60,260,260"]["result"]["what_if"]
    assert hidden["before"][0] > hidden["after"][0]
    with Image.open("map.png") as overlay, Image.open("large.png") as large:
        assert (overlay.size, large.size) == ((600, 400), (1200, 800))
    assert "objects" in replies["localhost:8000/detect?threshold=0.4"]["result"]
    assert tifffile.imread("labels.tif").shape == (128, 160)
    assert tifffile.imread("volume.tif").shape == (3, 128, 160)
    nuclei = json.loads(Path("nuclei.geojson").read_text(encoding="utf-8"))["features"]
    assert len(Path("nuclei.csv").read_text(encoding="utf-8").splitlines()) == len(nuclei) + 1
    (events,) = (text for url, text in printed.items() if url.endswith("/events"))
    assert re.search(r"event: end\ndata: .*succeeded", events)
    (result,) = (reply for url, reply in replies.items() if url.endswith("/result"))
    assert len(result["result"]["scores"][0]) == 13
    assert "brightfield_requests_total" in printed["localhost:8000/metrics"]


def test_the_reply_is_the_one_that_is_shown(address: str, desk: Path) -> None:
    shown = json.loads(blocks(PAGE, "json")[0].text)
    reply = json.loads(Conversation(by_httpx, address)(CURLS[0]))
    assert _shape(shown) == _shape(reply)
    assert _labels(shown) == _labels(reply)
    for one, other in zip(*(r["result"]["predictions"] for r in (shown, reply)), strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("words", CLI, ids=lambda words: words[1])
def test_the_commands_work(
    words: list[str], address: str, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    assert main(words[1:]) == 0


@pytest.mark.slow
def test_the_python_works(address: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("docs/how-to/ask-with-python.md", "python")
    exec(compile(block.text.replace("127.0.0.1:8000", address), "python.md", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(r"the logit of espresso falls by \d\.\d\.", printed)
    assert re.search(r"^cat\.png .*cat$", printed, re.MULTILINE | re.IGNORECASE)


def test_every_endpoint_is_listed_and_asked(address: str) -> None:
    document = httpx2.get(f"http://{address}/openapi.json", trust_env=False, timeout=60).json()
    table = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")
    for path in document["paths"]:
        assert re.sub(r"\{\w+\}.*", "{id}", path) in table, path
    listed = re.findall(r"`(?:GET|POST|PUT) (/[\w./]+)", table)
    known = {path.partition("{")[0].rstrip("/") for path in document["paths"]}
    assert {path.rstrip("/") for path in listed} <= known | {"/docs", "/openapi.json", ""}
    asked = {re.split(r"[/?]", words[-1])[1] for words in CURLS}
    assert asked == {path.split("/")[1] for path in document["paths"]} - {"livez", "readyz"}


def _labels(envelope: dict[str, Any]) -> list[str]:
    return [found["label"] for found in envelope["result"]["predictions"]]


def _shape(value: Any) -> Any:
    """The names in a document, without its values."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    return [_shape(part) for part in value] if isinstance(value, list) else None
