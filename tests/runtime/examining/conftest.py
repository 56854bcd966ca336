"""Networks on a lane, examined with the contract of their card's task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brightfield import tasks
from brightfield.cards import ModelCard
from brightfield.runtime.examining.examine import examine
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry

FOUR = ("a", "b", "c", "d")
Examined = Callable[..., Resident]


class Net(nn.Module):
    """A small network and what comes `after` its scores; with `maps` its scores are maps."""

    def __init__(
        self,
        after: Callable[[Tensor], Any] = lambda z: z,
        before: Callable[[Tensor], Tensor] = lambda x: x,
        outputs: int = 4,
        maps: bool = False,
        gain: float = 3.0,
    ) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Conv2d(8, outputs, 1) if maps else nn.Linear(8, outputs)
        self.before, self.after, self.maps, self.gain = before, after, maps, gain

    def logits(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        scores: Tensor = self.last(x if self.maps else x.mean((2, 3)))
        return self.gain * scores

    def forward(self, x: Tensor) -> Any:
        return self.after(self.logits(self.before(x)))


@pytest.fixture(scope="session")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


@pytest.fixture
def examined(lane: Lane) -> Examined:
    """The resident of a network after its examination, by the rest of its card."""

    def make(module: nn.Module, random: tuple[str, ...] = (), **card: Any) -> Resident:
        said = {
            "id": "m", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "input": {"size": [16, 16]}, "labels": FOUR, **card,
        }  # fmt: skip
        made = ModelCard.model_validate(said)
        resident = Resident(made, module.eval().requires_grad_(False), lane, 0)
        examine(resident, tasks.catalog()[made.task], random)
        return resident

    return make


def codes(resident: Resident) -> list[str]:
    return [note.code for note in resident.notes]


def remarks(resident: Resident) -> list[str]:
    assert resident.examination is not None
    return [note.code for note in resident.examination.remarks]


def images(count: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    strength = torch.tensor([1.0, 0.5, 2.0])[:count, None, None, None]
    return strength * torch.rand(count, 3, 16, 16, generator=generator)
