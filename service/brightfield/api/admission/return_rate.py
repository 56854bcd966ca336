"""How fast places come back while they are scarce."""

from __future__ import annotations

import math
from collections.abc import Callable

_MEMORY = 10.0  # seconds after which a count has lost two thirds of its weight
_TRUST = 1.0  # seconds that need no guess

_LEAST = 1e-3


class ReturnRate:
    """Places per second that are given back while at least half of them are taken.

    `rate = count / seconds`, both of which fade by `exp(-t / 10 s)`. Only crowded time counts,
    because a service that has little to do gives back little, whatever it could do. Where less than
    a second was counted, a guess makes it up to a second: the places taken over the `outlook`, the
    seconds that all of them are thought to need.
    """

    def __init__(self, most: int, outlook: Callable[[], float]) -> None:
        self._most = most
        self._outlook = outlook
        self._count = self._seconds = 0.0
        self._since = -math.inf
        self.crowded = False
        """Whether half of the places were taken when it was last told."""

    def note(self, now: float, taken: int, returned: int = 0) -> None:
        """Note that `taken` places are taken from now on, and that `returned` came back."""
        crowded = 2 * taken >= self._most
        if self.crowded:
            passed = now - self._since
            kept = math.exp(-passed / _MEMORY)
            self._count = self._count * kept + returned
            self._seconds = self._seconds * kept + passed
        elif crowded:
            missing = max(0.0, _TRUST - self._seconds)
            self._count += missing * taken / max(self._outlook(), 0.1)
            self._seconds += missing
        self.crowded, self._since = crowded, now

    @property
    def per_second(self) -> float:
        """The rate; positive."""
        return max(self._count / self._seconds, _LEAST) if self._seconds else _LEAST
