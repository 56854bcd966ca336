from __future__ import annotations

import asyncio
import io
import threading
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from brightfield.engine import Engine, View
from brightfield.errors import UnfitImage
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
    gate, entered = threading.Event(), threading.Event()
    held = resident.call(lambda: (entered.set(), gate.wait(30)))
    assert entered.wait(30)  # requests come before what is in bulk
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


def test_images_wait_for_the_bytes_of_others_and_give_them_back(engine_of: EngineOf) -> None:
    engine = engine_of(decode_bytes=1)  # room for one image at a time
    several = [png(noise(20 + n, 30)) for n in range(6)]

    async def all_of_them() -> list[int]:
        asked = (engine.answer(Classify(), data, View(), Selection(), Ticket()) for data in several)
        return [answer.picture.height for answer in await asyncio.gather(*asked)]

    assert asyncio.run(asyncio.wait_for(all_of_them(), 60)) == [20 + n for n in range(6)]
    assert engine.budget.taken == 0


def test_channels_are_judged_before_anything_is_decoded(engine: Engine) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((5, 1000, 1000), np.float64))
    tracemalloc.start()
    try:
        with pytest.raises(UnfitImage, match="5 separate channels"):
            engine.ask(Classify(), file.getvalue(), axes="CYX")
        assert tracemalloc.get_traced_memory()[1] < 2 * len(file.getvalue())
    finally:
        tracemalloc.stop()
