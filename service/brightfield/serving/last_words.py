"""What still runs when the time is over, for the last line of the log."""

from __future__ import annotations

import threading

from brightfield.engine import Engine

# Threads that end with the process.
_OWN = ("MainThread", "lifeline", "heartbeat", "freed-memory", "end")
# The event loop's own pool, which ends after the lifespan.
POOL = ("asyncio_", "uvloop_")


def last_words(engine: Engine, still_needed: tuple[str, ...] = ()) -> str:
    """The threads that live although they should have ended, with the models that they run; those
    whose names begin as `still_needed` end later."""
    models = engine.safeguards.flights.by_thread()
    names = []
    for thread in threading.enumerate():
        model = models.get(thread.ident or 0)
        if model or not thread.name.startswith((*_OWN, *still_needed)):
            names.append(f"{thread.name} (model {model})" if model else thread.name)
    return ", ".join(sorted(names))
