"""Which model a dead worker has died of."""

from __future__ import annotations

import re
import signal

from brightfield.runtime.flights import LastFlights

# The line with which `faulthandler` begins the thread that has received the signal.
_CURRENT = re.compile(r"^Current thread 0x([0-9a-f]+)", re.MULTILINE)


def blamed(last: LastFlights, crash: str) -> list[str]:
    """The models that a worker has died of, by what ran at its end and what its crash has said.

    The thread that was hit by the signal, or that called `os._exit`, tells it exactly. Otherwise,
    as when the kernel kills for memory, it is the model that ran and had come back well least
    often in that process: those that answer thousands of requests are in flight nearly always.
    """
    named = _CURRENT.search(crash)
    thread = last.exiting or (int(named[1], 16) if named else 0)
    exact = [flight.model for flight in last.flights if flight.thread == thread]
    if exact or not last.flights:
        return exact
    least = min(flight.completed for flight in last.flights)
    return sorted({flight.model for flight in last.flights if flight.completed == least})


def how_it_ended(code: int, crash: str) -> str:
    """The end of a process in words, as "ended by the signal SIGSEGV"."""
    if "Timeout (" in crash:
        return "stood still and was ended"
    if code >= 0:
        return f"ended with the exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    memory = ", as the kernel does where memory runs out" if name == "SIGKILL" else ""
    return f"ended by the signal {name}{memory}"
