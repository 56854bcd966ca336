"""Small real modules on real lanes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry


class Recorder(nn.Module):
    """Doubles its input, and keeps the number of rows of each forward pass.

    `seconds` is what a pass takes whatever its size; a row that begins with -1 makes it fail.
    While `gate` is cleared a pass waits, which holds the lane at a known point.
    """

    def __init__(self, seconds: float = 0.0, most: int | None = None) -> None:
        super().__init__()
        self.seconds = seconds
        self.most = most
        self.batches: list[int] = []
        self.seen: list[float] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.entered.set()
        assert self.gate.wait(30)
        self.batches.append(len(x))
        self.seen.extend(x.flatten(1)[:, 0].tolist())
        time.sleep(self.seconds)
        if self.most is not None and len(x) > self.most:
            raise torch.OutOfMemoryError("a device that holds few rows")
        if bool((x.flatten(1)[:, 0] == -1).any()):
            raise ValueError("poison")
        return 2 * x


def card_of(name: str = "recorder", **more: object) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": name,
            "version": "1",
            "task": "classify",
            "licence": "Apache-2.0",
            "architecture": {"name": "none"},
            "input": {"channels": 1, "size": [2, 2]},
            **more,
        }
    )


def images(*values: float) -> torch.Tensor:
    """(n, 1, 2, 2), every pixel of an image with its value."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def lane(telemetry: Telemetry) -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), telemetry)
    yield lane
    lane.stop()


Make = Callable[..., Resident]


@pytest.fixture
def resident_of(lane: Lane) -> Make:
    def make(module: nn.Module, **card: object) -> Resident:
        return Resident(card_of(**card), module.eval(), lane, 0)

    return make


@pytest.fixture
def count(telemetry: Telemetry) -> Callable[..., float]:
    def value(name: str, **labels: str) -> float:
        return telemetry.registry.get_sample_value(f"brightfield_{name}", labels) or 0.0

    return value
