"""What a key has left of its limits in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from brightfield.errors import TooManyImages
from brightfield.refusals import RateExceeded, ShareExceeded
from brightfield.store.keys import KeyLimits

_SOON = 1.0
"""Seconds after which places of a key are worth asking for again."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit and what is left of it. `quota` per `window` seconds, or at any moment (None);
    `reset` is the number of seconds until there is more."""

    name: str
    unit: str
    quota: int
    left: int
    window: int | None = None
    reset: int | None = None


class Share:
    """Places in flight that a request holds until its end, or a job until its own."""

    def __init__(self, give: Callable[[], None]) -> None:
        self._give: Callable[[], None] | None = give

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def keep(self) -> Callable[[], None]:
        """Hold the places beyond the request; what gives them back."""
        assert self._give is not None
        give, self._give = self._give, None
        return give

    def end(self) -> None:
        """Give the places back, unless they are kept."""
        if self._give is not None:
            self._give()


class Allowance:
    """A key's requests and images in flight. Lives on the event loop's thread, without a lock.

    Requests are counted by a bucket of tokens: it holds what comes in a second (or a single one,
    where that is less), every request takes one, and `rate` come back per second.
    """

    def __init__(self, limits: KeyLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._most = max(1.0, limits.rate or 0.0)
        self._tokens = self._most
        self._counted = clock()
        self._in_flight = 0

    def request(self) -> None:
        """Count a request. Raises `RateExceeded`."""
        if self.limits.rate is None:
            return
        self._refill(self.limits.rate)
        if self._tokens < 1:
            wait = (1 - self._tokens) / self.limits.rate
            raise RateExceeded(
                f"The API key may send {self.limits.rate:g} requests per second; "
                f"ask again in {max(1, math.ceil(wait))} s.",
                retry_after=wait,
            )
        self._tokens -= 1

    def hold(self, count: int) -> Share:
        """Places in flight for `count` images, given back at the end of a `with` block.

        Raises `ShareExceeded`, or `TooManyImages` if there will never be so many.
        """
        self._check(count)
        self._in_flight += count
        return Share(lambda: self._give(count))

    def _give(self, count: int) -> None:
        self._in_flight -= count

    def _check(self, count: int) -> None:
        most = self.limits.in_flight
        if most is None:
            return
        if count > most:
            raise TooManyImages(
                f"{count} images in one request; the API key may have {most} in flight. "
                "Send fewer at once."
            )
        if self._in_flight + count > most:
            raise ShareExceeded(
                f"{self._in_flight} images of the API key are in flight and it may have {most}; "
                "wait for their answers.",
                retry_after=_SOON,
            )

    def quotas(self) -> list[Quota]:
        """Each limit, and what is left of it now."""
        found, rate = [], self.limits.rate
        if rate is not None:
            self._refill(rate)
            most = math.floor(self._most)
            window = max(1, round(most / rate))
            reset = math.ceil((self._most - self._tokens) / rate)
            left = math.floor(self._tokens)
            found.append(Quota("requests", "requests", most, left, window, reset))
        if self.limits.in_flight is not None:
            left = max(0, self.limits.in_flight - self._in_flight)
            quota = Quota("in-flight", "concurrent-requests", self.limits.in_flight, left)
            found.append(quota)
        return found

    def _refill(self, rate: float) -> None:
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._counted) * rate)
        self._counted = now
