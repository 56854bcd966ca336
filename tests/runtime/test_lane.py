from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from brightfield.errors import LaneDown, ModelFailed
from brightfield.runtime.lane import Lane, assert_off_lane
from brightfield.runtime.operations import RowSpan
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket

from .conftest import Make, Recorder, card_of, images
from .test_batcher import Held, ask


class Death(BaseException):
    """What no handler of ordinary errors catches."""


@dataclass(frozen=True)
class Kill:
    def __call__(self, module: nn.Module, rows: torch.Tensor, spans: Sequence[RowSpan]) -> Any:
        raise Death


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_lane_that_is_killed_comes_back_and_serves_its_queue(
    lane: Lane, resident_of: Make, count: Callable[..., float]
) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        doomed = resident.submit(Kill(), images(1), Ticket(5))
        waiting = ask(resident, 4)
    with pytest.raises(LaneDown) as fault:
        doomed.future.result(5)
    assert fault.value.retryable and not lane.up
    assert waiting.future.result(5)[0, 0, 0, 0] == 8
    assert lane.up
    assert count("lane_restarts_total", device="cpu") == 1


def test_a_stopped_lane_leaves_no_thread(telemetry: Telemetry) -> None:
    lane = Lane(torch.device("cpu"), telemetry)
    lane.stop()
    assert not lane.up and not lane._thread.is_alive()


def test_an_idle_lane_uses_no_processor_time(lane: Lane) -> None:
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_functions_run_on_the_lanes_own_thread(lane: Lane, resident_of: Make) -> None:
    import threading

    resident = resident_of(Recorder())
    name = resident.call(lambda: threading.current_thread().name).result(5)
    assert name == "lane-cpu"


def test_two_lanes_do_not_wait_for_each_other(telemetry: Telemetry) -> None:
    from brightfield.runtime.resident import Resident

    lanes = [Lane(torch.device("cpu"), telemetry) for _ in range(2)]
    first, second = (Resident(card_of(), Recorder().eval(), lane, 0) for lane in lanes)
    with Held(first):
        assert ask(second, 1).future.result(5)[0, 0, 0, 0] == 2
    for lane in lanes:
        lane.stop()


def test_what_would_wait_for_its_own_lane_is_refused(resident_of: Make) -> None:
    assert_off_lane()
    resident = resident_of(Recorder())
    assert "lane-cpu may not wait" in resident.call(_refusal).result(5)
    for waiting in (resident.reach, lambda: resident.run(_refusal)):
        with pytest.raises(ModelFailed, match="RuntimeError"):
            resident.call(waiting).result(5)


def _refusal() -> str:
    try:
        assert_off_lane()
    except RuntimeError as fault:
        return str(fault)
    return ""
