"""Until when a request is worked for: to its deadline, and while its client is there."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType

from starlette.requests import Request

from brightfield.errors import Cancelled, InvalidParameter
from brightfield.runtime.ticket import Ticket, deadline_exceeded


class RequestScope:
    """Ends the work inside it when the ticket's deadline passes or the client hangs up.

    Either end cancels the work, and then the ticket, which withdraws what waits in threads and
    queues. Raises `DeadlineExceeded` or `Cancelled`. A cancellation from outside, as when the
    server stops, goes on as it came, whatever else ends at the same moment: `asyncio.timeout`
    counts the cancellations that are outstanding, and takes back its own alone.

    Starlette doesn't tell a handler that its client has gone. Our own protocol calls when that
    happens (`api.http1`); under any other server a task listens for it.
    """

    __slots__ = ("_calls", "_departed", "_listener", "_request", "_ticket", "_timeout")

    def __init__(self, request: Request, ticket: Ticket) -> None:
        self._request = request
        self._ticket = ticket
        self._timeout = asyncio.timeout(ticket.remaining)
        self._calls: set[Callable[[], None]] | None = request.scope.get("hang_up_calls")
        self._listener: asyncio.Task[None] | None = None
        self._departed = False

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        if self._calls is not None:
            self._calls.add(self._hang_up)
        else:
            self._listener = asyncio.create_task(self._listen())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._calls is not None:
            self._calls.discard(self._hang_up)
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None  # its end has this scope, as one of its frames
        if kind is asyncio.CancelledError:
            self._ticket.cancel()
        try:
            await self._timeout.__aexit__(kind, fault, trace)
        except TimeoutError:
            left = Cancelled("The client left before the answer was ready.")
            raise (left if self._departed else deadline_exceeded()) from None

    async def _listen(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._hang_up()

    def _hang_up(self) -> None:
        if not self._timeout.expired():
            self._departed = True
            self._timeout.reschedule(asyncio.get_running_loop().time())


def ticket_of(request: Request, timeout: float) -> Ticket:
    """A ticket with the client's deadline (`X-Request-Timeout`, seconds), at most the service's."""
    wanted = request.headers.get("x-request-timeout")
    if wanted is None:
        return Ticket(timeout)
    try:
        seconds = float(wanted)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise InvalidParameter(
            f"X-Request-Timeout is a positive number of seconds, not {wanted!r}."
        )
    return Ticket(min(seconds, timeout))
