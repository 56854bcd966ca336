"""A request's claim on the service: until when, and whether anybody still waits."""

from __future__ import annotations

import math
import time

from brightfield.errors import Cancelled, DeadlineExceeded


class Ticket:
    """A deadline (in `time.monotonic()` seconds, infinite by default) and a flag of withdrawal.

    One ticket travels with everything that a request sets in motion, so that a client which
    hangs up withdraws its decoding, its place in the queue and its remaining chunks at once.
    """

    __slots__ = ("_cancelled", "deadline")

    def __init__(self, seconds: float = math.inf) -> None:
        self.deadline = time.monotonic() + seconds
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; negative when it has passed."""
        return self.deadline - time.monotonic()

    def fault(self, now: float | None = None) -> Cancelled | DeadlineExceeded | None:
        """Why the work need not be done any more, or None."""
        if self._cancelled:
            return Cancelled("The client left before the answer was ready.")
        if (time.monotonic() if now is None else now) >= self.deadline:
            return deadline_exceeded()
        return None

    def check(self) -> None:
        """Raise the fault, if there is one; called between the chunks of long work."""
        fault = self.fault()
        if fault is not None:
            raise fault


def deadline_exceeded() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The deadline passed before the answer was ready; send a longer X-Request-Timeout, "
        "or `Prefer: respond-async` for long work."
    )
