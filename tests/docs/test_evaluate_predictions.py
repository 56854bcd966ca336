"""The page about evaluating predictions works, line by line, and names every reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from brightfield.metrics.statistics.estimate import Reason

from .curl import Conversation, by_httpx
from .pages import ROOT, blocks, commands

PAGE = "docs/how-to/evaluate-predictions.md"


def test_every_reason_is_explained() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    table = text[text.index("| reason |") :].splitlines()[2:]
    named = [name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(get_args(Reason))


@pytest.mark.slow
def test_the_shell_lines_work(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (table,) = blocks(PAGE, "csv")
    Path("predictions.csv").write_text(table.text, encoding="utf-8")
    talk = Conversation(by_httpx, address)
    said = [talk(words) for block in blocks(PAGE, "bash") for words in commands(block.text)]
    numbers, rows, several, masks, run, chunk, chunks, report, required = (
        json.loads(text) for text in said if text
    )
    assert numbers["metrics"]["auroc"]["value"] == 0.75
    assert rows["operating_point"]["rule"] == "sensitivity>=0.9"
    assert rows["labels"] == ["healthy", "infected"]
    assert several["metrics"]["subset_accuracy"]["value"] == pytest.approx(1 / 3)
    assert [each["outcome"] for each in required["requirements"]] == ["met", "met"]
    assert masks["metrics"]["iou"]["value"] == 0.5
    assert "<h1>Smears</h1>" in Path("report.html").read_text(encoding="utf-8")
    assert Path("numbers.csv").read_text(encoding="utf-8-sig").startswith("scope,class,metric")
    assert "Sensitivity" in Path("roc.svg").read_text(encoding="utf-8").title()
    assert (run["name"], chunk["key"]) == ("smears-october", "predictions.csv")
    assert chunks["chunks"] == [chunk]
    assert (report["run"]["rows"], report["labels"]) == (2, ["healthy", "infected"])
    assert np.load("curves.npz")["threshold"].tolist() == [0.91, 0.08]


@pytest.mark.slow
def test_the_python_works(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    block, chunked = blocks(PAGE, "python")
    scope: dict[str, object] = {}
    exec(compile(block.text.replace("127.0.0.1:8000", address), PAGE, "exec"), scope)
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"0\.\d{3} \(0\.\d{3} to [01]\.\d{3}\)", printed[0])
    assert float(printed[-1]) == pytest.approx(1)
    assert len(scope["table"]) == 21  # type: ignore[arg-type]
    exec(compile(chunked.text.replace("127.0.0.1:8000", address), PAGE, "exec"), scope)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" 0.")[0] for line in printed[:2]] == ["old model", "new model"]
    difference, p_value = float(printed[2].split()[0]), float(printed[2].split()[-1])
    assert difference > 0 and 0 < p_value < 0.1
    assert {"roc_fpr", "tp"} <= set(scope["points"])  # type: ignore[call-overload]
