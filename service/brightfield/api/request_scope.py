"""Until when a request is worked for: to its deadline, and while its client is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import Request

from brightfield.errors import Cancelled
from brightfield.runtime.ticket import Ticket, deadline_exceeded


@asynccontextmanager
async def request_scope(request: Request, ticket: Ticket) -> AsyncIterator[None]:
    """Ends the work inside it when the ticket's deadline passes or the client hangs up.

    Either end cancels the work, and then the ticket, which withdraws what waits in threads and
    queues. Raises `DeadlineExceeded` or `Cancelled`. A cancellation from outside, as when the
    server stops, goes on as it came, whatever else ends at the same moment: `asyncio.timeout`
    counts the cancellations that are outstanding, and takes back its own alone.
    """
    departed = False

    def hang_up() -> None:
        nonlocal departed
        if not scope.expired():
            departed = True
            scope.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(ticket.remaining) as scope:
            with _listening(request, hang_up):
                yield
    except asyncio.CancelledError:
        ticket.cancel()
        raise
    except TimeoutError:
        if not scope.expired():
            raise
        ticket.cancel()
        end = Cancelled("The client left before the answer was ready.")
        raise (end if departed else deadline_exceeded()) from None


@contextmanager
def _listening(request: Request, hang_up: Callable[[], None]) -> Iterator[None]:
    """Calls `hang_up` when the client goes, which Starlette doesn't tell a handler.

    Our own protocol calls when that happens (`api.http1`); under any other server a task listens
    for it.
    """
    calls: set[Callable[[], None]] | None = request.scope.get("hang_up_calls")
    if calls is not None:
        calls.add(hang_up)
        try:
            yield
        finally:
            calls.discard(hang_up)
        return
    listener = asyncio.create_task(_listen(request, hang_up))
    try:
        yield
    finally:
        listener.cancel()


async def _listen(request: Request, hang_up: Callable[[], None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    hang_up()
