"""What still runs when the time is over, for the last line of the log."""

from __future__ import annotations

import threading

from brightfield.engine import Engine


def last_words(engine: Engine) -> str:
    """The threads that live, those of models with the model that they run."""
    models = engine.safeguards.flights.by_thread()
    own = threading.current_thread()
    names = []
    for thread in threading.enumerate():
        if thread is own or thread is threading.main_thread():
            continue
        model = models.get(thread.ident or 0)
        names.append(f"{thread.name} (model {model})" if model else thread.name)
    return ", ".join(sorted(names)) or "no thread but the first"
