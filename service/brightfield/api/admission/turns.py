"""When those who are refused shall come back, and who is let in meanwhile: a queue without waiting.

Nobody is held in a line. Who finds no place is told a moment, and that moment is kept for them:

- Moments are handed out in the order of asking. A third of the rate at which places come
  back is promised; the rest is for those who ask for the first time.
- Those who come for the first time are refused before a place that is promised is lost: the places
  promised until a moment, less those that will come back until then, are kept free.
- HTTP doesn't say who comes back. A connection that is kept open does; of all others the time is
  the only sign. So moments lie on a grid, a refusal is sent a whole number of seconds before its
  moment (as Retry-After counts), and those who were told the same moment come together, ahead of
  all who come by chance. For the latter a promise to an unknown caller counts twice.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

_PROMISED = 0.35  # share of the places coming back that is promised
_BY_CHANCE = 2.0  # callers let in for each promise to somebody unknown
_LATE = 0.5  # seconds for which a moment is kept for those who can't be told from others
_LATE_KNOWN = 2.0  # and for those who can
_FAITH = 0.8  # share of callers who come back by their connection, for it to be a sign
_EARLY = 0.02  # clocks and timers differ
_FINEST = 2  # moments in a second, at most
_LONGEST = 600.0  # seconds; nobody plans further ahead
_OVERDRAFT = 4  # who comes when told may exceed the places by a quarter


@dataclass(slots=True)
class Slot:
    """A time at which promises are due: places for known callers, and those let in by chance."""

    due: float
    known: int = 0
    unknown: float = 0.0

    @property
    def owed(self) -> float:
        return self.known + self.unknown

    def take(self, places: int, *, anybodys: bool) -> bool:
        """Let a caller in on what is owed to nobody known, or on `anybodys`; whether it is."""
        if self.unknown >= places:
            self.unknown -= places
            return True
        if anybodys and self.known >= places:
            self.known -= places
            return True
        return False


@dataclass(slots=True, eq=False)
class Promise:
    """So many places at a moment; `answer` is when the refusal is sent."""

    moment: Slot
    places: int
    known: bool
    answer: float

    @property
    def seconds(self) -> int:
        """What the refused one waits from `answer` on."""
        return round(self.moment.due - self.answer)

    @property
    def owed(self) -> float:
        """What it counts for at its moment."""
        return self.places if self.known else _BY_CHANCE * self.places

    def forget_who(self) -> None:
        """The caller can't be told from others any more."""
        if self.known:
            self.moment.known = max(0, self.moment.known - self.places)
            self.known = False
            self.moment.unknown += self.owed

    def drop(self) -> None:
        """Nothing is owed any more."""
        if self.known:
            self.moment.known = max(0, self.moment.known - self.places)
        else:
            self.moment.unknown = max(0.0, self.moment.unknown - self.owed)


class Turns:
    """Decides who is let in, in `time` as its caller counts it; knows no clock and no loop.

    A caller is named by a `key` that lives as long as its connection, or is None.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._moments: deque[Slot] = deque()
        self._promises: dict[Hashable, Promise] = {}
        self._next = -math.inf
        self._faithful = 1.0

    @property
    def idle(self) -> bool:
        """Whether nothing is promised: everybody is let in who finds room."""
        return not self._moments and not self._promises

    def keeps(self, now: float, wanted: int, taken: int, key: Hashable | None) -> bool:
        """Whether a caller is let in because it comes at a moment that was promised."""
        self._forget(now)
        room = self._most + self._most // _OVERDRAFT - taken
        return self._claims(now, wanted, key) and wanted <= room

    def spares(
        self, now: float, wanted: int, taken: int, rate: float, own: Promise | None = None
    ) -> bool:
        """Whether there are so many places besides those that are kept for others than one's
        own. Who asks while nothing is done is always let in."""
        self._forget(now)
        kept = self._kept(now, rate, own) if taken else 0.0
        return wanted <= self._most - taken - kept

    def promise(self, now: float, wanted: int, rate: float, key: Hashable | None = None) -> Promise:
        """The turn of a caller who wasn't let in."""
        promised = min(_PROMISED * rate, self._most / 3 * _FINEST)
        self._next = min(max(self._next, now + 1.0), now + _LONGEST)
        step = self._step(rate)
        due = math.ceil(self._next / step - 1e-6) * step
        self._next += wanted / promised
        answer = due - math.floor(due - now + 1e-6)
        moment = self._moment(due)
        made = Promise(moment, wanted, key is not None and self._faithful > _FAITH, answer)
        if made.known:
            moment.known += wanted
        else:
            moment.unknown += _BY_CHANCE * wanted
        if key is not None:
            self._release(key)
            self._promises[key] = made
        return made

    def withdraw(self, promise: Promise, key: Hashable | None) -> None:
        """A promise that isn't needed: its caller was let in, or has gone, before it was told."""
        promise.drop()
        if key is not None and self._promises.get(key) is promise:
            del self._promises[key]

    def lose(self, key: Hashable) -> None:
        """The connection is closed: who comes back will come by another."""
        self._release(key)

    def _step(self, rate: float) -> float:
        """Seconds between moments: so many that no more than half of the places are kept free."""
        wanted = _PROMISED * _BY_CHANCE * rate / (0.5 * self._most)
        steps = 1
        while steps < min(wanted, _FINEST):
            steps *= 2
        return 1.0 / steps

    def _moment(self, due: float) -> Slot:
        for moment in reversed(self._moments):
            if moment.due == due:
                return moment
            if moment.due < due:
                break
        made = Slot(due)
        at = len(self._moments)
        while at and self._moments[at - 1].due > due:
            at -= 1
        self._moments.insert(at, made)
        return made

    def _forget(self, now: float) -> None:
        while self._moments and self._moments[0].due + _LATE_KNOWN < now:
            for _ in range(self._moments.popleft().known):
                self._learn(came=False)
        for moment in self._moments:
            if moment.due + _LATE >= now:
                break
            moment.unknown = 0.0

    def _learn(self, *, came: bool) -> None:
        """Whether callers come back by the connection on which they were refused."""
        self._faithful += (came - self._faithful) / 20

    def _claims(self, now: float, wanted: int, key: Hashable | None) -> bool:
        """Use up a promise that is due: one's own, or one to nobody known."""
        own = None if key is None else self._promises.get(key)
        if own is not None:
            due = own.moment.due
            on_time = due <= now + _EARLY and now <= due + _LATE_KNOWN
            self._learn(came=on_time)
            if on_time:
                del self._promises[key]
                own.drop()
                return True
            self._release(key)  # too late, or too early, as on a connection that several share
        for moment in self._moments:
            if moment.due > now + _EARLY:
                break
            if moment.take(wanted, anybodys=self._faithful < _FAITH):
                return True
        return False

    def _release(self, key: Hashable | None) -> None:
        if (promise := self._promises.pop(key, None)) is not None:
            promise.forget_who()

    def _kept(self, now: float, rate: float, own: Promise | None) -> float:
        """Places to be kept free now for what is promised: `max (owed until t - rate * (t - now))`
        over the moments t."""
        owed = kept = 0.0
        for moment in self._moments:
            owed += moment.owed
            if own is not None and own.moment is moment:
                owed -= own.owed
            ahead = max(0.0, moment.due - now)
            kept = max(kept, owed - rate * ahead)
            if rate * ahead > self._most:
                break
        return kept
