"""A few threads that do short calls, with as little between the call and the thread as there is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue

from brightfield.runtime.ending import TimeLeft

log = logging.getLogger(__name__)

Thunk = Callable[[], None]


class WorkerPool:
    """Threads that take work off one queue, in order of arrival.

    For work that settles its own outcome: a `ThreadPoolExecutor` makes a future with a lock for
    each call, which costs more than the hand-over itself.
    """

    def __init__(self, count: int, name: str) -> None:
        self._queue: SimpleQueue[Thunk | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{index}", daemon=True)
            for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def do(self, work: Thunk) -> None:
        """Queue work that must not raise; it runs in the context of who asks for it."""
        self._queue.put(partial(copy_context().run, work))

    def close(self, timeout: float) -> None:
        """End the threads after what is queued; one that takes longer than so many seconds is left
        behind."""
        for _ in self._threads:
            self._queue.put(None)
        left = TimeLeft(timeout)
        for thread in self._threads:
            thread.join(left.seconds)

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except BaseException:  # one call's mistake must not cost the others their thread
                log.exception("a call that promised not to raise did")
            del work  # else its image would be kept until the next one comes
