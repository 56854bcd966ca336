"""Threads for loading models: one for each load, a few at a time, none waited for for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from threading import Thread

log = logging.getLogger(__name__)

# How long `close` waits for loads that run; their threads are daemons, so the process can end.
_GRACE = 5.0


@dataclass(slots=True, eq=False)
class _Turn:
    """A load that waits for a thread or has one."""

    name: str
    work: Callable[[], None]
    give_up: Callable[[], None]
    thread: Thread | None = None
    over: threading.Event = field(default_factory=threading.Event)


class LoadThreads:
    """Runs each load in a daemon thread of its own, at most `most` at a time, in order of arrival.

    A load that takes longer than `seconds`, counted from its start, is given up: its slot goes to
    the next one, and whatever its thread still does is its owner's to ignore. Python can't end a
    thread, so a load that never returns keeps it until the process ends.
    """

    def __init__(self, most: int, seconds: float, on_given_up: Callable[[Thread], None]) -> None:
        self.seconds = seconds
        self._on_given_up = on_given_up
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[_Turn] = deque()
        self._threads: list[Thread] = []
        self._closed = False

    def start(self, name: str, work: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Run `work` as soon as a slot is free, in the context of the caller; it must not raise.

        `give_up` is called, in another thread, if it isn't done in time. Once the threads are
        closed nothing is started.
        """
        with self._lock:
            self._waiting.append(_Turn(name, partial(copy_context().run, work), give_up))
        self._fill()

    def close(self) -> None:
        """Start no more loads, and wait a moment for those that run."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            threads = tuple(self._threads)
        until = time.monotonic() + _GRACE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                log.warning("%s is still at work, and is left behind", thread.name)

    def _fill(self) -> None:
        """Give free slots to those who wait."""
        while True:
            with self._lock:
                if self._closed or not self._free or not self._waiting:
                    return
                turn = self._waiting.popleft()
                self._free -= 1
                self._start(turn)

    def _start(self, turn: _Turn) -> None:
        """Start the thread of a load and the one that watches it; under the lock."""
        load = Thread(target=self._run, args=(turn,), name=f"load-{turn.name}", daemon=True)
        watched = (turn, load)
        watch = Thread(target=self._watch, args=watched, name=f"watch-{turn.name}", daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), load, watch]
        turn.thread = load
        load.start()
        watch.start()

    def _run(self, turn: _Turn) -> None:
        try:
            turn.work()
        except BaseException:  # the slot must come back whatever happens
            log.exception("a load that promised not to raise did")
        finally:
            self._end(turn)

    def _watch(self, turn: _Turn, load: Thread) -> None:
        if not turn.over.wait(self.seconds) and self._end(turn):
            log.error("loading %s takes longer than %g s: given up", turn.name, self.seconds)
            turn.give_up()
            self._on_given_up(load)

    def _end(self, turn: _Turn) -> bool:
        """Take the slot back; False if that was done before."""
        with self._lock:
            if turn.over.is_set():
                return False
            turn.over.set()
            self._free += 1
        self._fill()
        return True
