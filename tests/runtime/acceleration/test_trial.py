"""A trial leaves nine tenths of the lane to requests, and hurries where there are none."""

from __future__ import annotations

import pytest
import torch

from brightfield import tasks
from brightfield.runtime.acceleration import trial as trying
from brightfield.runtime.acceleration.trial import Trial
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket

from .conftest import Make


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def trial(resident: Resident, monkeypatch: pytest.MonkeyPatch, idle: float) -> tuple[Trial, Clock]:
    clock = Clock()
    monkeypatch.setattr(trying, "time", clock)
    monkeypatch.setattr(resident.lane.batcher, "idle_seconds", lambda: idle)
    compare = tasks.catalog()["classify"].compared
    return Trial.of(resident, Forward(), compare, brief=True), clock


@pytest.mark.parametrize(("idle", "least", "most"), [(0.0, 1.8, 1.9), (5.0, 0.0, 0.0)])
def test_a_pass_waits_while_requests_come(
    learned: Make, monkeypatch: pytest.MonkeyPatch, idle: float, least: float, most: float
) -> None:
    started, clock = trial(learned(), monkeypatch, idle)
    started.last_seconds = 0.2
    started.output(started.forward, started.photographs)
    assert least <= clock.now <= most


def test_passes_of_a_trial_are_nobodys_requests(learned: Make) -> None:
    resident = learned()
    batcher = resident.lane.batcher
    rows = torch.zeros(1, *resident.shape)
    resident.submit(Forward(), rows, Ticket()).result()
    asked = batcher.idle_seconds()
    resident.submit(Forward(), rows, Ticket(), only_timed=True).result()
    assert batcher.idle_seconds() > asked
