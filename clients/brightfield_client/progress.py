"""A progress bar on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Self, TextIO

_WIDTH = 30
_INTERVAL = 0.1  # seconds between two drawings


class ProgressBar:
    """Done of total, the time taken and an estimate of what is left, in one line.

    It writes to a terminal only: in a log, a pipe or a notebook's capture it stays silent.
    """

    def __init__(
        self, title: str, total: int = 0, *, shown: bool = True, stream: TextIO | None = None
    ) -> None:
        self._title = title
        self._total = total
        self._done = 0
        self._stream = stream or sys.stderr
        self._shown = shown and self._stream.isatty()
        self._start = time.monotonic()
        self._drawn = -_INTERVAL

    def update(self, done: int, total: int | None = None) -> None:
        """Set how much is done, and the total where it has changed."""
        self._done = done
        self._total = self._total if total is None else total
        now = time.monotonic()
        if self._shown and (now - self._drawn >= _INTERVAL or done == self._total):
            self._drawn = now
            self._stream.write("\r" + self._line(now - self._start) + "\x1b[K")
            self._stream.flush()

    def advance(self) -> None:
        """One more is done."""
        self.update(self._done + 1)

    def _line(self, elapsed: float) -> str:
        if not self._total:
            return f"{self._title} {self._done} {_clock(elapsed)}"
        share = min(1.0, self._done / self._total)
        bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH, "-")
        left = f" {_clock(elapsed / share - elapsed)} left" if 0 < share < 1 else ""
        return f"{self._title} [{bar}] {self._done}/{self._total} {_clock(elapsed)}{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        if self._shown and self._drawn > 0:
            self._stream.write("\n")
            self._stream.flush()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02d}"
