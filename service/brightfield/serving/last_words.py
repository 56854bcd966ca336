"""What still runs when the time is over, for the last line of the log."""

from __future__ import annotations

import threading

from brightfield.engine import Engine

# Threads that end with the process, and what waits between two calls.
_IDLE = ("MainThread", "lifeline", "heartbeat", "end", "asyncio", "uvloop")


def last_words(engine: Engine) -> str:
    """The threads that live although they should have ended, with the models that they run."""
    models = engine.safeguards.flights.by_thread()
    names = []
    for thread in threading.enumerate():
        model = models.get(thread.ident or 0)
        if model or not thread.name.startswith(_IDLE):
            names.append(f"{thread.name} (model {model})" if model else thread.name)
    return ", ".join(sorted(names))
