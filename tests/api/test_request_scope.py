"""A deadline and a hang-up end a request, and a stop of the server at the same moment stays one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request

from brightfield.api.request_scope import RequestScope
from brightfield.errors import Cancelled
from brightfield.outages import DeadlineExceeded
from brightfield.runtime.ticket import Ticket

Calls = set[Callable[[], None]]
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def request_with(calls: Calls | None, *messages: str) -> Request:
    """A request under our own protocol, or one whose server sends these messages."""
    scope: dict[str, Any] = {"type": "http", "headers": []}
    if calls is not None:
        scope["hang_up_calls"] = calls
    waiting = [{"type": message} for message in messages]

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    return Request(scope, receive)


def hang_up(calls: Calls) -> None:
    for call in tuple(calls):
        call()


async def waiting(request: Request, ticket: Ticket, begin: Callable[[], None] = bool) -> None:
    """Work that never ends by itself."""
    async with RequestScope(request, ticket):
        begin()
        await asyncio.Event().wait()


async def test_a_deadline() -> None:
    ticket = Ticket(0.01)
    with pytest.raises(DeadlineExceeded):
        await waiting(request_with(set()), ticket)
    _check_over(ticket)


async def test_a_hang_up_that_our_protocol_reports() -> None:
    calls: Calls = set()
    ticket = Ticket(60)
    asyncio.get_running_loop().call_soon(lambda: hang_up(calls))
    with pytest.raises(Cancelled):
        await waiting(request_with(calls), ticket)
    assert not calls
    _check_over(ticket)


async def test_a_hang_up_that_another_server_sends() -> None:
    ticket = Ticket(60)
    with pytest.raises(Cancelled):
        await waiting(request_with(None, "http.request", "http.disconnect"), ticket)
    _check_over(ticket)


async def test_work_that_ends_by_itself_leaves_nothing_behind() -> None:
    calls: Calls = set()
    ticket = Ticket(60)
    before = asyncio.all_tasks()
    async with RequestScope(request_with(calls), ticket):
        assert calls
    async with RequestScope(request_with(None), ticket):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not calls and not ticket.cancelled and asyncio.all_tasks() == before


async def test_a_timeout_of_the_work_is_not_the_requests() -> None:
    with pytest.raises(TimeoutError):
        async with RequestScope(request_with(set()), Ticket(60)):
            raise TimeoutError


@pytest.mark.parametrize("stop_first", [False, True])
@pytest.mark.parametrize("end", ["deadline", "hang-up", "both"])
async def test_a_stop_at_the_same_moment_stays_a_stop(end: str, stop_first: bool) -> None:
    """Both come before the work is woken, in either order."""
    calls: Calls = set()
    loop = asyncio.get_running_loop()
    ticket = Ticket(60 if end == "hang-up" else 0)

    def begin() -> None:
        ends = [] if end == "deadline" else [lambda: hang_up(calls)]
        for call in [task.cancel, *ends] if stop_first else [*ends, task.cancel]:
            loop.call_soon(call)

    task = asyncio.ensure_future(waiting(request_with(calls), ticket, begin))
    await asyncio.wait([task])
    assert task.cancelled() and ticket.cancelled and not calls


def _check_over(ticket: Ticket) -> None:
    """The work is withdrawn, and who asked may go on."""
    task = asyncio.current_task()
    assert task is not None
    assert ticket.cancelled and not task.cancelling()
