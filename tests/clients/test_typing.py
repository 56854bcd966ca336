"""What a type checker says of code that uses the clients."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

ROOT = Path(__file__).parents[2]
CODE = """
from typing import assert_type

from brightfield_client import (
    AsyncClient, Batch, Binary, Classification, Client, Job, MapItem, Occlusion, Saliency,
    Segmentation, Volume,
)
from brightfield_client.calls.endpoints import ENDPOINTS


def good(client: Client, paths: list[str]) -> None:
    assert_type(client.classify("cup.png", top_k=3), Classification)
    assert_type(client.classify(paths, window=(32, 48)), Batch[Classification])
    assert_type(client.saliency("cup.png", method="grad_cam", format="overlay"), Binary)
    assert_type(client.segment("stack.tif", volume=True), Volume)
    assert_type(client.segment("cells.tif", region=(0, 0, 64, 64)), Segmentation)
    assert_type(client.submit("occlusion", "cup.png", window=16), Job[Occlusion])
    assert_type(client.submit("occlusion", "cup.png").result(), Occlusion)
    assert_type(client.submit("saliency", paths), Job[Batch[Saliency]])
    assert_type(client.submit("saliency", "cup.png", format="png"), Job[Binary])
    assert_type(next(client.map(paths)), MapItem[Classification])
    assert_type(next(client.map(paths, "segment", min_area=9)).unwrap(), Segmentation)
    client.submit(ENDPOINTS["embed"], "cup.png", anything=1)
    assert_type(client.classify("cup.png", timeout=5), Classification)
    client.collection("cells").neighbors("cup.png", timeout=5)
    client.put_image("cup.png", timeout=5)
    assert_type(client.version(), str)


async def awaited(client: AsyncClient, paths: list[str]) -> None:
    assert_type(await client.classify("cup.png", top_k=3), Classification)
    assert_type(await client.classify(paths), Batch[Classification])
    job = await client.submit("occlusion", "cup.png", window=16)
    assert_type(await job.result(), Occlusion)
    async for item in client.map(paths, "saliency", method="gradient"):
        assert_type(item, MapItem[Saliency])


async def bad(client: Client, other: AsyncClient) -> None:
    client.classify("cup.png", top_k="three")  # error
    client.saliency("cup.png", method="gradcam")  # error
    client.occlusion("cup.png", windw=16)  # error
    client.detect("cup.png", format="tiff")  # error
    client.detect("cup.png", timeout="five")  # error
    client.models(timeout="five")  # error
    client.classify(3)  # error
    client.occlusion("cup.png", hide=160)  # error
    client.metrics([0, 1], [0.1, 0.2], task="clasification")  # error
    client.metrics([0, 1], [0.1, 0.2], operating="youden")  # error
    client.start_run("a", topk=3)  # error
    client.collection("cells").project("tsnee")  # error
    client.collection("cells").add(["cup.png"], regoin=(0, 0, 9, 9))  # error
    client.classify("cup.png").tops  # error
    client.submit("occlusion", "cup.png", border="bend")  # error
    client.map(["cup.png"], "clasify")  # error
    await other.classify("cup.png", top_k="three")  # error
    await other.submit("saliency", "cup.png", method="gradcam")  # error
    other.classify("cup.png").top  # error
"""
PYRIGHT = ROOT / ".npm" / "node_modules" / "pyright" / "index.js"
# .ci/run sets it, where Node has to be there.
REQUIRED = os.environ.get("BRIGHTFIELD_BROWSER_TESTS") == "required"


EXPECTED = {n for n, line in enumerate(CODE.splitlines(), 1) if line.endswith("# error")}


@pytest.mark.slow
def test_results_are_precise_and_wrong_parameters_errors(tmp_path: Path) -> None:
    file = tmp_path / "use.py"
    file.write_text(CODE)
    os.environ["MYPYPATH"] = os.pathsep.join(str(ROOT / each) for each in ("service", "clients"))
    options = f"--strict --config-file {os.devnull} --hide-error-context --no-error-summary"
    quiet = ["--ignore-missing-imports", "--follow-imports", "silent"]
    cache = ["--cache-dir", str(tmp_path / "cache")]
    out, err, _ = api.run([*options.split(), *quiet, *cache, str(file)])
    assert errors(out, r"use\.py:(\d+): error") == EXPECTED, out + err


@pytest.mark.slow
@pytest.mark.skipif(
    not REQUIRED and not PYRIGHT.is_file(),
    reason="Pyright isn't there: npm install --prefix .npm pyright@1",
)
def test_pyright_sees_the_same(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    (tmp_path / "use.py").write_text(CODE)
    paths = [str(ROOT / each) for each in ("service", "clients")]
    options = {"extraPaths": paths, "typeCheckingMode": "strict", "reportMissingTypeStubs": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(options))
    command = [node, str(PYRIGHT), "--pythonpath", sys.executable, "use.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert errors(done.stdout, r"use\.py:(\d+):\d+ - error") == EXPECTED, done.stdout + done.stderr


def errors(said: str, where: str) -> set[int]:
    """The lines with errors."""
    return {int(number) for number in re.findall(where, said)}
