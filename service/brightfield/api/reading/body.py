"""The body of a request: read within a limit of bytes, and no slower than a stated rate."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from brightfield.api.admission.body_budget import HeldBytes
from brightfield.errors import BodyTooSlow, Cancelled, TooManyBytes
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings

_LATE = 0.05  # seconds by which a timer is late only where the event loop has stood still


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What a body may be."""

    most: int
    """Bytes."""
    rate: float
    """Bytes per second."""
    grace: float
    """Seconds that it may be behind the rate."""

    @classmethod
    def of(cls, settings: Settings) -> BodyRules:
        return cls(settings.max_bytes, settings.min_body_rate, settings.body_grace)


async def read_body(request: Request, rules: BodyRules, ticket: Ticket, held: HeldBytes) -> bytes:
    """The whole body, whose bytes are `held` as they come.

    The limit of bytes is looked at by Content-Length before anything is read. Raises
    `TooManyBytes`, `BodyTooSlow` (also when the ticket's deadline passes), `Overloaded` where the
    bodies of others leave no room, and `Cancelled` where the client hangs up.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        if int(declared) > rules.most:
            raise _too_many(rules.most)
        held.check(int(declared))
    pace, size, more = _Pace(rules, ticket), 0, True
    body = io.BytesIO()  # hands over what was written without a copy
    while more:
        message = await pace.next(request)
        if message["type"] == "http.disconnect":
            raise Cancelled("The client left before its body was whole.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > rules.most:
            raise _too_many(rules.most)
        held.add(len(chunk))
        if not more and size == len(chunk):
            return bytes(chunk)  # it came in one piece, and needs no copy
        pace.came(len(chunk))
        body.write(chunk)
    return body.getvalue()


def _too_many(most: int) -> TooManyBytes:
    return TooManyBytes(
        f"The body has more than {most} bytes, the limit (max_bytes); "
        "send fewer images at once, or a compressed format."
    )


class _Pace:
    """Until when the next piece of a body must come: `grace` seconds at first; each piece of n
    bytes moves that by n / rate seconds, to `grace` seconds from now at most."""

    def __init__(self, rules: BodyRules, ticket: Ticket) -> None:
        self._rules = rules
        self._ticket = ticket
        self._begun = time.monotonic()
        self._until = self._begun + rules.grace
        self._bytes = 0

    async def next(self, request: Request) -> Any:
        """What the server has next of the request. Raises `BodyTooSlow`."""
        if request.scope.get("came_whole", False):  # nobody waits, so no time is set
            return await request.receive()
        while True:
            until = min(self._until, self._ticket.deadline)
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    return await request.receive()
            except TimeoutError:
                now = time.monotonic()
            if now - until < _LATE or self._ticket.remaining <= 0:
                raise self._fault()
            self._until = now + (now - until)  # the event loop stood still: that was not the client

    def came(self, count: int) -> None:
        now = time.monotonic()
        self._bytes += count
        self._until = min(now + self._rules.grace, self._until + count / self._rules.rate)

    def _fault(self) -> BodyTooSlow:
        seconds = time.monotonic() - self._begun
        come = f"{self._bytes} bytes of the body came in {seconds:.1f} s"
        if self._ticket.remaining <= 0:
            return BodyTooSlow(f"{come}, until the deadline; send a longer X-Request-Timeout.")
        return BodyTooSlow(
            f"{come}; it must come with at least {self._rules.rate:g} bytes per second "
            f"(min_body_rate), and be no more than {self._rules.grace:g} s behind (body_grace)."
        )
