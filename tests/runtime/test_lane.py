from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import pytest
import torch
from torch import nn

from brightfield.outages import LaneDown, ModelFailed, ModelHangs
from brightfield.runtime.lane import Lane, LaneWatch, assert_off_lane
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority

from .conftest import Make, Recorder, card_of, images
from .test_batcher import Held, ask


class Death(BaseException):
    """What no handler of ordinary errors catches."""


def test_a_lane_that_dies_comes_back_and_serves_its_queue(
    lane: Lane, resident_of: Make, count: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = resident_of(Recorder())

    def die_once(*_: object) -> None:
        monkeypatch.undo()
        raise Death

    with Held(resident):
        monkeypatch.setattr("brightfield.runtime.lane.execute", die_once)
        doomed = resident.submit(Forward(), images(1), Ticket(5))
        waiting = ask(resident, 4, band=Priority.BULK)
    with pytest.raises(LaneDown) as fault:
        doomed.future.result(5)
    assert fault.value.retryable and lane.state == "down"
    assert waiting.future.result(5)[0, 0, 0, 0] == 8
    assert lane.state == "up"
    assert count("lane_restarts_total", device="cpu") == 1


def test_a_stopped_lane_leaves_no_thread(telemetry: Telemetry) -> None:
    lane = Lane(torch.device("cpu"), telemetry)
    lane.stop()
    assert lane.state == "down" and lane.stop(1)


def test_an_idle_lane_uses_no_processor_time(lane: Lane) -> None:
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_functions_run_on_the_lanes_own_thread(lane: Lane, resident_of: Make) -> None:
    resident = resident_of(Recorder())
    name = resident.call(lambda: threading.current_thread().name).result(5)
    assert name == "lane-cpu"


def test_two_lanes_do_not_wait_for_each_other(telemetry: Telemetry) -> None:
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


class Loop(nn.Module):
    """Never returns from a picture that begins with 0; sees to it that somebody notices."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while x[0, 0, 0, 0] == 0:
            self.entered.set()
        return x


@contextmanager
def guarded(telemetry: Telemetry, timeout: float) -> Iterator[tuple[Lane, Safeguards]]:
    """A lane that gives up what takes longer than so many seconds."""
    safeguards = Safeguards(lane_timeout=timeout)
    lane = Lane(torch.device("cpu"), telemetry, 0, safeguards)
    watch = LaneWatch([lane], timeout / 10)
    yield lane, safeguards
    watch.close()
    lane.stop(5)


def test_a_model_that_never_returns_is_given_up_and_others_go_on(
    telemetry: Telemetry, count: Callable[..., float]
) -> None:
    with guarded(telemetry, 0.4) as (lane, safeguards):
        hanging = Resident(card_of("hanging"), Loop(), lane, 0)
        good = Resident(card_of("good"), Recorder().eval(), lane, 0)
        dropped: list[object] = []
        lane.on_hang = dropped.append
        for turn in range(2):
            doomed, waiting = ask(hanging, 0), ask(good, 2)
            hanging.module.entered.wait(5)  # type: ignore[operator,union-attr]
            while lane.state != "busy":
                assert not doomed.future.done()
            assert lane.busy_with == "hanging" and lane.busy_seconds > 0.2
            with pytest.raises(ModelHangs, match="model hanging did not return"):
                doomed.future.result(5)
            assert waiting.future.result(5)[0, 0, 0, 0] == 4
            assert lane.state == "up" and dropped == [hanging] * (turn + 1)
            assert (safeguards.quarantine.reason("hanging") is not None) is (turn == 1)
        assert safeguards.quarantine.reason("good") is None
        assert count("lane_restarts_total", device="cpu") == 2
        until = time.monotonic() + 5
        while safeguards.lost:  # a loop in Python ends when it is asked to
            assert time.monotonic() < until


def test_a_thread_that_comes_back_after_it_was_given_up_answers_nobody(
    telemetry: Telemetry,
) -> None:
    with guarded(telemetry, 0.2) as (lane, safeguards):
        slow = Resident(card_of("slow"), Recorder(seconds=0.8).eval(), lane, 0)
        doomed = ask(slow, 1)
        with pytest.raises(ModelHangs):
            doomed.future.result(5)
        until = time.monotonic() + 10
        while safeguards.lost:
            assert time.monotonic() < until
        assert isinstance(doomed.future.exception(), ModelHangs)


def test_what_is_logged_on_a_lane_is_in_the_context_of_the_request(
    lane: Lane, resident_of: Make
) -> None:
    asked: ContextVar[str] = ContextVar("asked", default="")
    seen: list[str] = []

    class Talkative(nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            seen.append(asked.get())
            return rows

    resident = resident_of(Talkative())
    for name in ("first", "second"):
        asked.set(name)
        resident.submit(Forward(), images(1), Ticket(5)).future.result(5)
    assert seen[-2:] == ["first", "second"]
