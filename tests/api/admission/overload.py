"""A service under more load than it can carry, simulated: clients, a network, and one device."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from brightfield.api.admission.return_rate import ReturnRate
from brightfield.api.admission.turns import Promise, Turns


@dataclass
class Outcome:
    """What was seen: answers, refusals, and of those who came back when told, how many got in."""

    answered: int = 0
    returned: int = 0
    admitted: int = 0
    waits: list[int] = field(default_factory=list)

    @property
    def held(self) -> float:
        return self.admitted / max(1, self.returned)


class Overload:
    """`clients` that ask again as soon as they are answered, or `arrivals` per second of new ones.

    Each waits exactly as told, and comes back `delay` seconds later on average (exponential). How
    they connect: `kept`, each by a connection of its own; `fresh`, by a new one each time.
    """

    def __init__(
        self,
        places: int,
        speed: float,
        *,
        clients: int = 0,
        arrivals: float = 0.0,
        connections: str = "kept",
        delay: float = 0.01,
        seed: int = 0,
    ) -> None:
        self._random = random.Random(seed)
        self._turns = Turns(places)
        self._rate = ReturnRate(places, lambda: places / speed)
        self._speed, self._arrivals, self._delay = speed, arrivals, delay
        self._kept = connections == "kept"
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._line: list[int] = []
        self._now, self._taken, self._busy = 0.0, 0, False
        self.outcome = Outcome()
        for client in range(clients):
            self._at(0.2 * self._random.random(), self._ask, client, False)
        if arrivals:
            self._at(0.0, self._arrive)

    def run(self, seconds: float) -> Outcome:
        while self._events and self._events[0][0] <= seconds:
            self._now, _, call, arguments = heapq.heappop(self._events)
            call(*arguments)
        return self.outcome

    def _at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), call, arguments))

    def _later(self) -> float:
        return self._random.expovariate(1 / self._delay)

    def _arrive(self) -> None:
        self._ask(-next(self._numbers), False)
        self._at(self._now + self._random.expovariate(self._arrivals), self._arrive)

    def _spares(self, own: Promise | None = None) -> bool:
        return self._turns.spares(self._now, 1, self._taken, self._rate.per_second, own)

    def _ask(self, client: int, told: bool) -> None:
        key = ("connection", client if self._kept else next(self._numbers))
        self.outcome.returned += told
        if self._turns.keeps(self._now, 1, self._taken, key) or self._spares():
            self._enter(client, told)
            return
        promise = self._turns.promise(self._now, 1, self._rate.per_second, key)
        self._at(max(self._now, promise.answer), self._refuse, client, told, promise, key)

    def _refuse(self, client: int, told: bool, promise: Promise, key: Hashable) -> None:
        if self._spares(promise):
            self._turns.withdraw(promise, key)
            self._enter(client, told)
            return
        self.outcome.waits.append(promise.seconds)
        if not self._kept:
            self._at(self._now + 0.003, self._turns.lose, key)
        self._at(self._now + promise.seconds + self._later(), self._ask, client, True)

    def _enter(self, client: int, told: bool) -> None:
        self.outcome.admitted += told
        self._taken += 1
        self._rate.note(self._now, self._taken)
        self._line.append(client)
        self._work()

    def _work(self) -> None:
        """Batches of up to four."""
        if self._line and not self._busy:
            self._busy, batch, self._line = True, self._line[:4], self._line[4:]
            seconds = len(batch) / self._speed * self._random.uniform(0.8, 1.2)
            self._at(self._now + seconds, self._done, batch)

    def _done(self, batch: list[int]) -> None:
        self._busy = False
        for client in batch:
            self._taken -= 1
            self._rate.note(self._now, self._taken, 1)
            self.outcome.answered += 1
            if not self._arrivals:
                self._at(self._now + self._later(), self._ask, client, False)
        self._work()
