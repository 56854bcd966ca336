"""Memory that the process has freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable

TICK = 1.0
"""Seconds between two looks."""

_RESTING = 0.1
"""CPU seconds within a tick: with less than that nobody waits for an answer."""
_WORTH_IT = 0.5
"""CPU seconds of work, with less of which little was freed."""
_LONGEST = 10
"""Ticks of work without a rest."""


class FreedMemory:
    """Gives back what is free once the work is over, and every ten seconds while it goes on.

    glibc keeps freed memory for the next allocation. After images of many sizes most of what the
    process holds is such memory, and the other programs of the machine could use it. Taking it
    again costs the work a page fault per 4 KiB, so not after each request.
    """

    def __init__(
        self,
        trim: Callable[[], object],
        rest: Callable[[], object],
        spent: Callable[[], float] = time.process_time,
    ) -> None:
        """`trim` gives back what is free, `rest` frees before what is kept for the next request,
        which only a rest has time for; `spent` are the CPU seconds that the process has taken."""
        self._trim = trim
        self._rest = rest
        self._spent = spent
        self._last = spent()
        self._trimmed = 0.0  # what the start has freed is given back at the first rest
        self._ticks = 0

    def run(self) -> None:
        """Look for ever: the body of a thread."""
        while True:
            threading.Event().wait(TICK)
            self.tick()

    def tick(self) -> None:
        """Look once."""
        now = self._spent()
        rests, self._last = now - self._last < _RESTING, now
        self._ticks += 1
        if now - self._trimmed > _WORTH_IT and (rests or self._ticks >= _LONGEST):
            if rests:
                self._rest()
            self._trim()
            self._last = self._trimmed = self._spent()
            self._ticks = 0


def trim_function() -> Callable[[], object] | None:
    """glibc's `malloc_trim(0)`; None where the C library has none, as on macOS and Windows.

    Source: malloc_trim(3) of the Linux manual.
    """
    if not sys.platform.startswith("linux"):
        return None
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(ctypes.c_size_t(0))
