"""A request's claim on the service: until when, and whether anybody still waits."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from brightfield.errors import Cancelled
from brightfield.outages import DeadlineExceeded
from brightfield.progress import Step


class Ticket:
    """A deadline (in `time.monotonic()` seconds, infinite by default) and a flag of withdrawal.

    One ticket travels with everything that a request sets in motion, so that a client which
    hangs up withdraws its decoding, its place in the queue and its remaining chunks at once.
    """

    __slots__ = ("_cancelled", "_waiting", "deadline")

    def __init__(self, seconds: float = math.inf) -> None:
        self.deadline = time.monotonic() + seconds
        self._cancelled = False
        self._waiting: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        self._cancelled = True
        for wake in tuple(self._waiting):
            wake()

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

    def check(self, step: Step | None = None) -> None:
        """Raise the fault, if there is one; called between the chunks of long work.

        Is a `Progress`, too, which reports the step to nobody.
        """
        if (fault := self.fault()) is not None:
            raise fault.again()  # not the one that a variable of this frame holds

    def wait(self, other: Future[Any]) -> None:
        """Block until the future is done, whatever came of it, or raise the fault before that."""
        woken = threading.Event()
        self._waiting.append(woken.set)
        try:
            other.add_done_callback(lambda _: woken.set())
            if not self._cancelled:  # looked at after `cancel` was told whom to wake
                woken.wait(min(max(self.remaining, 0.0), threading.TIMEOUT_MAX))
        finally:
            self._waiting.remove(woken.set)
        if not other.done():
            self.check()


def deadline_exceeded() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The deadline passed before the answer was ready; send a longer X-Request-Timeout, "
        "or `Prefer: respond-async` for long work."
    )
