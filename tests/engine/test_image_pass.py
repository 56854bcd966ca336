from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from brightfield.engine import Engine, View
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.classify import Classify

from ..toys.engines import EngineOf, noise, png

IMAGE = png(noise(30, 40))


@pytest.fixture
def engine(engine_of: EngineOf) -> Engine:
    """With its model loaded."""
    made = engine_of()
    made.preload()
    return made


@pytest.fixture
def gate(engine: Engine) -> Iterator[threading.Event]:
    """While it is not set, the lane is busy."""
    resident = engine.registry.resident("bare")
    assert resident is not None
    gate = threading.Event()
    held = resident.call(lambda: gate.wait(30))
    yield gate
    gate.set()
    held.result(30)


def test_who_stops_waiting_is_taken_out_of_the_queue(engine: Engine, gate: threading.Event) -> None:
    def queued() -> float:
        labels = {"device": "cpu", "band": "interactive"}
        return engine.telemetry.registry.get_sample_value("brightfield_queue_depth", labels) or 0

    async def leave_and_stay() -> None:
        leaving, staying = (
            asyncio.create_task(engine.answer(Classify(), IMAGE, View(), Selection(), Ticket()))
            for _ in range(2)
        )
        while queued() < 2:  # noqa: ASYNC110 (the queue tells nobody)
            await asyncio.sleep(0.001)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        gate.set()
        assert (await staying).batch_size == 1

    asyncio.run(asyncio.wait_for(leave_and_stay(), 30))
    dropped = engine.telemetry.registry.get_sample_value(
        "brightfield_dropped_rows_total", {"reason": "cancelled"}
    )
    assert dropped == 1
