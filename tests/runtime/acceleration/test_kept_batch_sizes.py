from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from brightfield.engine import Engine
from brightfield.runtime.operations import Forward
from brightfield.settings import Settings

MODEL = "blood-cell-types"


def seconds_after_loading(data: Path) -> dict[int, float]:
    with Engine(Settings(data=data)) as engine:
        resident = engine.registry.load(MODEL).result()
        key = f"{Forward()} {'x'.join(map(str, resident.shape))}"
        until = time.monotonic() + 60  # it serves, and is measured meanwhile
        while len(resident.sizes.measured()[key]) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    return resident.sizes.measured()[key]


def test_a_model_begins_with_what_its_batches_cost_before_the_restart(tmp_path: Path) -> None:
    first = seconds_after_loading(tmp_path)
    assert max(first) > 1
    file = tmp_path / "backends" / MODEL / "batch_sizes.json"
    kept = json.loads(file.read_text())
    key = next(kind for kind, costs in kept["seconds"].items() if len(costs) > 1)
    kept["seconds"][key] = {"1": 1e-6, "2": 1e-6, "64": 1e-6}  # nobody measures these
    file.write_text(json.dumps(kept))
    assert set(seconds_after_loading(tmp_path)) == {1, 2, 64}


@pytest.mark.parametrize("content", ["", "[]", '{"key": "another", "seconds": {}}', '{"key": 1}'])
def test_a_file_that_is_of_no_use_is_measured_anew(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "backends" / MODEL
    folder.mkdir(parents=True)
    (folder / "batch_sizes.json").write_text(content)
    assert max(seconds_after_loading(tmp_path)) > 1
