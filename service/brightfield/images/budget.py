"""One account of the bytes of all images that are being decoded or are still in use."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

# Up to 32 MiB an image is small: small ones never wait for large ones, nor the other way.
_SMALL = 32 * 2**20
_SMALL_SHARE = 0.25


class Hold:
    """Bytes that an image holds. They are given back when the last reference to it is gone, as its
    pixels are, or by `release`."""

    __slots__ = ("_bytes", "_share")

    def __init__(self, share: _Share, count: int) -> None:
        self._share = share
        self._bytes = count

    def keep(self, count: int) -> None:
        """Give back what is more than `count` bytes: decoding is over, the pixels remain."""
        if count < self._bytes:
            given, self._bytes = self._bytes - count, count
            self._share.give(given)

    def release(self) -> None:
        """Give everything back."""
        self.keep(0)

    def __del__(self) -> None:
        self.release()


Granted = Callable[[Hold], None]


def _nobody(hold: Hold) -> None:
    """Gives back at once what nobody waits for."""
    hold.release()


@dataclass(eq=False)
class Waiting:
    """A place in the line for bytes; `withdraw` leaves it."""

    count: int
    granted: Granted
    withdrawn: bool = False

    def withdraw(self) -> None:
        self.withdrawn = True
        self.granted = _nobody  # who was waiting has no need of this place any more

    def grant(self, hold: Hold) -> None:
        """Tell who waits, and forget whom: they may hold this place, with an image beside it."""
        granted, self.granted = self.granted, _nobody
        granted(hold)


class DecodeBudget:
    """Bytes for all images in flight, given in the order of asking; safe from any thread.

    Small images have a quarter of them to themselves, so that they don't stand behind large ones.
    An image that is larger than its whole share is let in alone.
    """

    def __init__(self, total: int) -> None:
        small = int(total * _SMALL_SHARE)
        self._small, self._large = _Share(small), _Share(total - small)

    @property
    def taken(self) -> int:
        """Bytes that are held."""
        return self._small.taken + self._large.taken

    def take(self, count: int) -> Hold | None:
        """The bytes, if they are free and nobody waits for them."""
        return self._of(count).take(count)

    def hold(self, count: int) -> Hold:
        """The bytes, free or not: for what must not wait. Others wait until they are back."""
        return self._of(count).hold(count)

    def ask(self, count: int, granted: Granted) -> Waiting:
        """Stand in line; `granted` is called once, perhaps at once, from the thread that gives
        bytes back, so it must be quick and not raise."""
        return self._of(count).ask(count, granted)

    def _of(self, count: int) -> _Share:
        return self._small if count <= _SMALL else self._large


@dataclass(eq=False)
class _Share:
    total: int
    taken: int = 0
    _line: deque[Waiting] = field(default_factory=deque)
    # A `Hold` may be collected, and give back, in the middle of any of these methods.
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def take(self, count: int) -> Hold | None:
        with self._lock:
            if self._line or not self._fits(count):
                return None
            self.taken += count
        return Hold(self, count)

    def hold(self, count: int) -> Hold:
        with self._lock:
            self.taken += count
        return Hold(self, count)

    def ask(self, count: int, granted: Granted) -> Waiting:
        waiting = Waiting(count, granted)
        with self._lock:
            self._line.append(waiting)
        self._serve()
        return waiting

    def give(self, count: int) -> None:
        with self._lock:
            self.taken -= count
        self._serve()

    def _serve(self) -> None:
        while (waiting := self._next()) is not None:
            waiting.grant(Hold(self, waiting.count))

    def _next(self) -> Waiting | None:
        """The first in the line, if there is room for it; those who left are passed over."""
        with self._lock:
            while self._line and self._line[0].withdrawn:
                self._line.popleft()
            if not self._line or not self._fits(self._line[0].count):
                return None
            self.taken += self._line[0].count
            return self._line.popleft()

    def _fits(self, count: int) -> bool:
        return not self.taken or self.taken + count <= self.total
