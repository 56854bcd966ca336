"""A small learned network on a lane, examined, and searches that convert it in this process."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brightfield import tasks
from brightfield.cards import ModelCard
from brightfield.runtime.acceleration import search as searching
from brightfield.runtime.acceleration.conversion import ConversionJob
from brightfield.runtime.acceleration.kept import KeptVerdicts
from brightfield.runtime.acceleration.network import OutputTensors
from brightfield.runtime.acceleration.search import BackendSearch, Surroundings
from brightfield.runtime.acceleration.trial import Trial
from brightfield.runtime.acceleration.wanted import ANY, Wanted
from brightfield.runtime.backends import catalog
from brightfield.runtime.examining.examine import examine
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry

Make = Callable[..., Resident]
Seek = Callable[..., Resident]


class Net(nn.Module):
    """Scores of four classes. `baked` takes the number of rows for a constant when it is traced."""

    def __init__(self, baked: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Linear(8, 4)
        self.baked = baked

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x).relu()
        rows = len(x) if self.baked else x.shape[0]
        scores: Tensor = 3 * self.last(maps.view(rows, 8, -1).mean(2))
        return scores


@pytest.fixture(scope="session")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


@pytest.fixture
def learned(lane: Lane) -> Make:
    """The resident of a network, by the rest of its card."""

    def make(module: nn.Module | None = None, **card: Any) -> Resident:
        said = {
            "id": "m", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "input": {"size": [16, 16]}, "labels": list("abcd"),
            **card,
        }  # fmt: skip
        network = (module or Net()).eval().requires_grad_(False)
        made = ModelCard.model_validate(said)
        resident = Resident(made, network, lane, 1000, digest="0" * 64)
        examine(resident, tasks.catalog()[made.task], ())
        return resident

    return make


@pytest.fixture
def seek(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seek:
    """Run a search; conversion happens here, and measures give what the test says."""
    kept = KeptVerdicts(tmp_path)

    def run(
        resident: Resident,
        wanted: Wanted = ANY,
        *,
        faster: float | Mapping[str, float] = 2.0,
        room: Callable[[Resident, int], bool] = lambda resident, size: True,
        convert: Callable[[ConversionJob, nn.Module], None] | None = None,
    ) -> Resident:
        def converted(job: ConversionJob, stopped: threading.Event) -> None:
            module = deepcopy(resident.module)  # as built from its card again
            if convert is not None:
                convert(job, module)
            network = OutputTensors(module, job.rewrite, job.features)
            catalog()[job.backend].convert(network, job.example, job.folder)

        monkeypatch.setattr(searching, "converted", converted)
        monkeypatch.setattr(searching, "_ORDER", ("openvino",))
        measured = faster if isinstance(faster, Mapping) else defaultdict(lambda: faster)
        monkeypatch.setattr(Trial, "faster", lambda trial, fast: measured[fast.precision])
        around = Surroundings(kept, tmp_path, False, 1, room, threading.Event())
        compare = tasks.catalog()[resident.card.task].compared
        BackendSearch(resident, wanted, compare, around).run()
        return resident

    return run
