"""A body is read within a limit, in a budget, and no slower than a stated rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from brightfield.api.admission.body_budget import BodyBudget, HeldBytes
from brightfield.api.reading.body import BodyRules, read_body
from brightfield.errors import BodyTooSlow, Cancelled, Overloaded, TooManyBytes
from brightfield.runtime.ticket import Ticket

RULES = BodyRules(most=1000, rate=1000.0, grace=0.1)
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def held() -> Iterator[HeldBytes]:
    with BodyBudget(800, "max_body_bytes_in_flight").hold() as held:
        yield held


def sending(
    pieces: Sequence[bytes], pause: float = 0.0, *, whole: bool = True, length: int | None = None
) -> Request:
    """A client that sends a piece each `pause` seconds, and then the end or nothing."""

    coming: asyncio.Queue[Any] = asyncio.Queue()

    async def send() -> None:
        for index, piece in enumerate(pieces, 1):
            await asyncio.sleep(pause)
            more = not whole or index < len(pieces)
            coming.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    sender: list[asyncio.Task[None]] = []

    async def receive() -> Any:
        if not sender:
            sender.append(asyncio.create_task(send()))
        return await coming.get()

    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    return Request({"type": "http", "headers": headers}, receive)


async def test_a_body_that_keeps_up_may_take_longer_than_the_grace(held: HeldBytes) -> None:
    pieces = [b"x" * 60] * 10  # 60 bytes each 0.04 s: 1,500 bytes per second for 0.4 s
    assert await read_body(sending(pieces, 0.04), RULES, Ticket(), held) == b"x" * 600


async def test_a_body_that_trickles_is_too_slow(held: HeldBytes) -> None:
    begun = time.monotonic()
    with pytest.raises(BodyTooSlow, match="min_body_rate"):
        await read_body(sending([b"x"] * 1000, 0.02), RULES, Ticket(), held)
    assert 0.09 < time.monotonic() - begun < 10  # all of it would take 20 s


async def test_bytes_that_came_fast_buy_no_longer_silence(held: HeldBytes) -> None:
    begun, rules = time.monotonic(), replace(RULES, rate=50.0)
    with pytest.raises(BodyTooSlow):
        await read_body(sending([b"x" * 700], whole=False), rules, Ticket(), held)
    assert time.monotonic() - begun < 7  # 700 bytes would be 14 s


async def test_the_deadline_counts_while_a_body_comes(held: HeldBytes) -> None:
    with pytest.raises(BodyTooSlow, match="X-Request-Timeout"):
        await read_body(sending([b"x" * 60] * 10, 0.04), RULES, Ticket(0.1), held)


async def test_a_loop_that_was_late_itself_blames_nobody(held: HeldBytes) -> None:
    """What has come while the loop stood still counts, though the time is up."""
    reading = asyncio.create_task(read_body(sending([b"x"], 0.05), RULES, Ticket(), held))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251
    assert await reading == b"x"


async def test_a_client_that_hangs_up_is_no_fault_of_the_service(held: HeldBytes) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(Cancelled):
        await read_body(Request({"type": "http", "headers": []}, gone), RULES, Ticket(), held)


@pytest.mark.parametrize("length", [None, 1001])
async def test_a_body_over_the_limit(length: int | None, held: HeldBytes) -> None:
    with pytest.raises(TooManyBytes, match="max_bytes"):
        await read_body(sending([b"x" * 501] * 2, length=length), RULES, Ticket(), held)


async def test_bodies_share_a_budget_of_bytes_that_have_come() -> None:
    """What is promised counts for nobody, but keeps out who could not be finished anyway."""
    budget = BodyBudget(800, "max_body_bytes_in_flight")
    with budget.hold() as first, budget.hold() as second:
        slow = sending([b"x" * 10], length=1000, whole=False)
        with pytest.raises(BodyTooSlow):
            await read_body(slow, RULES, Ticket(), first)
        await read_body(sending([b"x" * 700]), RULES, Ticket(), second)
        assert budget.held == 710
        with budget.hold() as third, pytest.raises(Overloaded) as refused:
            await read_body(sending([b"x" * 50, b"x" * 50]), RULES, Ticket(), third)
        assert refused.value.retry_after is not None
        with budget.hold() as third, pytest.raises(Overloaded):
            await read_body(sending([], length=100), RULES, Ticket(), third)
    assert budget.held == 0
