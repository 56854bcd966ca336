"""`brightfield metrics` and `brightfield runs` against the real service."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from brightfield_client import Client
from brightfield_client.cli import connect, main

FAST = {"resamples": 200}


@pytest.fixture(scope="module")
def runs(service_url):
    """Two runs about the same rows, one of them much worse, under a name with a slash."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 120)
    with Client(service_url) as client:
        for name, noise in (("main", 0.3), ("fix/threshold", 2.0)):
            run = client.start_run(name, ci=FAST)
            scores = truth + rng.normal(0, noise, 120)
            client.add_chunk(run, "all", truth, scores, ids=np.arange(120))
    return service_url


@pytest.fixture
def command(runs, monkeypatch, capsys):
    """Runs a command; its exit code, output and complaints."""
    monkeypatch.setattr(connect, "Client", Client)

    def run(*words):
        code = main([*words, "--url", runs])
        return code, *capsys.readouterr()

    return run


def test_predictions_in_a_file_are_judged(command, tmp_path):
    table = tmp_path / "predictions.csv"
    rows = [f"{n},{n % 2},{0.2 + 0.5 * (n % 2) + 0.01 * n}" for n in range(20)]
    table.write_text("\n".join(["id,truth,score", *rows]))
    asked = ("metrics", str(table), "--option", "ci.resamples=50", "--option", "threshold=0.5")
    code, out, _ = command(*asked, "--require", "auroc>=0.9", "--require", "n>=20")
    assert code == 0 and "met: auroc>=0.9: auroc is 1" in out
    files = [tmp_path / name for name in ("page.html", "junit.xml", "summary.md", "roc.png")]
    outs = [word for file in files for word in ("--out", str(file))]
    code, out, _ = command(*asked, "--require", "auroc<0.5", *outs)
    assert code == 4 and "not met: auroc<0.5" in out
    page, junit, summary, picture = (file.read_bytes() for file in files)
    assert b'id="requirements"' in page and b"0 of 1 requirements met" in summary
    assert ElementTree.fromstring(junit)[0].attrib["failures"] == "1"
    assert picture.startswith(b"\x89PNG")
    np.savez(tmp_path / "predictions.npz", truth=[0, 1], score=[0.5, 0.75])
    code, out, _ = command("metrics", str(tmp_path / "predictions.npz"), "--json",
                           "--require", "auroc@lower>=0.1")  # fmt: skip
    assert code == 6
    assert json.loads(out)["requirements"][0]["undefined"] == "too_few"


def test_json_of_any_task(command, tmp_path):
    file = tmp_path / "pairs.json"
    mask = {"array": [[0, 1], [1, 1]]}
    file.write_text(
        json.dumps({"task": "segmentation", "pairs": [{"truth": mask, "prediction": mask}]})
    )
    code, out, _ = command("metrics", str(file), "--require", "dice>=1", "--require", "hd95<=0 px")
    assert code == 0 and "met: hd95<=0 px" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--require", "aurok>=0.9"), "Did you mean auroc"),
        (("--require", "auroc>>0.9"), "no number"),
        (("--require", "difference.auroc>=0"), "baseline"),
        (("--out", "report.pdf"), "--out ends in one of"),
        (("--baseline", "nobody"), "nobody"),
    ],
)
def test_wrong_usage_says_what_is_right(command, words, said):
    code, _, complaint = command("runs", "show", "main", *words)
    assert (code, said in complaint) == (2, True), complaint


def test_a_run_against_a_baseline(command, tmp_path):
    junit = tmp_path / "junit.xml"
    code, out, _ = command(
        "runs", "show", "fix/threshold", "--baseline", "main", "--out", str(junit)
    )
    assert code == 5 and "worse: no_loss: auroc is 0." in out
    assert int(ElementTree.fromstring(junit.read_bytes())[0].attrib["failures"]) >= 1
    assert command("runs", "show", "main", "--baseline", "fix/threshold")[0] == 0
    bound = ("--require", "difference.auroc@upper<=0")
    assert command("runs", "show", "main", "--baseline", "fix/threshold", *bound)[0] == 4


def test_runs_are_listed_compared_and_deleted(command, runs, tmp_path):
    _, out, _ = command("runs", "list")
    assert {"main", "fix/threshold"} <= {line.split("  ")[-1].strip() for line in out.splitlines()}
    listed = json.loads(command("runs", "list", "--json")[1])
    assert any(run["name"] == "main" and run["rows"] == 120 for run in listed)
    page = tmp_path / "page.html"
    code, out, _ = command("runs", "compare", "main", "fix/threshold", "--require", "no_loss",
                           "--out", str(page))  # fmt: skip
    assert code == 0 and out.startswith("auroc               +0.")
    assert "main against fix/threshold" in page.read_text("utf-8")
    assert command("runs", "compare", "fix/threshold", "main", "--require", "auroc")[0] == 5
    with Client(runs) as client:
        client.start_run("for nothing")
    assert command("runs", "delete", "for nothing")[0] == 0
    assert command("runs", "delete", "for nothing")[0] == 2
