"""What a request may take: places in flight, and time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request

from brightfield.errors import InvalidParameter, Overloaded, TooManyImages
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket

_SHORTEST_WAIT = 1.0


class Claim:
    """Places in flight held by one request; `extend` adds the other images of a batch."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.count = 0

    def extend(self, count: int) -> None:
        """Hold `count` places in all. Raises `Overloaded`, or `TooManyImages` over the bound."""
        self._admission.take(count - self.count, wanted=count)
        self.count = count

    def release(self) -> None:
        self._admission.give(self.count)
        self.count = 0


class Admission:
    """Counts every image in flight, from the reading of its body to the end of its reply.

    Lives on the event loop's thread alone, so it needs no lock.
    """

    def __init__(self, most: int, telemetry: Telemetry, backlog: Callable[[], float]) -> None:
        self._most = most
        self._gauge = telemetry.in_flight
        self._backlog = backlog
        self._taken = 0

    @contextmanager
    def admit(self) -> Iterator[Claim]:
        """One place for a request whose images are not counted yet."""
        claim = Claim(self)
        claim.extend(1)
        try:
            yield claim
        finally:
            claim.release()

    def hand_over(self, claim: Claim) -> Claim:
        """Move a request's places to a job, which releases them at its end."""
        job = Claim(self)
        job.count, claim.count = claim.count, 0
        return job

    def take(self, count: int, *, wanted: int) -> None:
        if wanted > self._most:
            raise TooManyImages(
                f"{wanted} images in one request; the limit is {self._most} (max_in_flight)."
            )
        if self._taken + count > self._most:
            wait = max(_SHORTEST_WAIT, self._backlog())
            raise Overloaded(
                f"{self._taken} images are in flight and the limit is {self._most}; "
                f"ask again in {math.ceil(wait)} s.",
                retry_after=wait,
            )
        self._taken += count
        self._gauge.set(self._taken)

    def give(self, count: int) -> None:
        self._taken -= count
        self._gauge.set(self._taken)


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
