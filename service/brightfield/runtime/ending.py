"""Ending what may not end by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class TimeLeft:
    """Seconds that several waits share, counted from its making."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def seconds(self) -> float:
        """What is left; 0 when the time is up."""
        return max(0.0, self._end - time.monotonic())


def within(seconds: float, end: Callable[[], object]) -> bool:
    """Call what waits for threads, and go on after so many seconds; whether it has returned.

    Python gives up on no thread: `ThreadPoolExecutor.shutdown` waits for as long as its work takes.
    """
    thread = threading.Thread(target=end, name="ending", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
