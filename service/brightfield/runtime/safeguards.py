"""What keeps one model's code from taking the others with it."""

from __future__ import annotations

import ctypes
import logging
import math
import threading
from dataclasses import dataclass, field

from brightfield.runtime.flights import Flights
from brightfield.runtime.quarantine import Quarantine

log = logging.getLogger(__name__)


class GivenUp(BaseException):
    """Raised in a thread that was given up, should it still run Python code."""


@dataclass(slots=True)
class Safeguards:
    """What runs, who is set aside, how long a batch may take, and which threads were given up."""

    flights: Flights = field(default_factory=Flights)
    quarantine: Quarantine = field(default_factory=Quarantine)
    lane_timeout: float = math.inf
    """Seconds after which a batch is given up."""
    _given_up: list[threading.Thread] = field(default_factory=list)

    def give_up(self, thread: threading.Thread) -> None:
        """Wait for a thread no longer. Nobody can end it from outside; it is asked to end, which a
        loop in Python does and a call that blocks does not."""
        self._given_up.append(thread)
        log.error("the thread %s is given up", thread.name)
        if thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(GivenUp)
            )

    @property
    def lost(self) -> int:
        """Threads that were given up and still run: each may hold a core, its memory, a lock."""
        self._given_up = [thread for thread in self._given_up if thread.is_alive()]
        return len(self._given_up)
