"""Places in flight: how many images, or jobs, are worked on at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.requests import Request

from brightfield.api.admission.return_rate import ReturnRate
from brightfield.api.admission.turns import Promise, Turns
from brightfield.errors import Overloaded, TooManyImages
from brightfield.runtime.ticket import Ticket

HangUpCalls = set[Callable[[], None]]
"""What is called when a connection is lost."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as a connection tells: by `calls`, which are those of the connection; and
    for how many seconds the answer is waited for."""

    calls: HangUpCalls | None = None
    patience: float = math.inf

    @classmethod
    def of(cls, request: Request, ticket: Ticket) -> Caller:
        """The caller of a request; nobody known under a server other than our own."""
        return cls(request.scope.get("hang_up_calls"), ticket.remaining)

    @property
    def key(self) -> Hashable | None:
        return None if self.calls is None else id(self.calls)


class PlacesInFlight:
    """Places of one kind. Who finds none is refused with a time at which there will be one.

    Lives on the event loop's thread alone, so it needs no lock. `kind` and `setting` name the
    places and their limit in messages; `outlook` guesses the seconds in which all that are taken
    come back, before any has.
    """

    def __init__(
        self,
        most: int,
        outlook: Callable[[], float],
        *,
        kind: str = "images",
        setting: str = "max_in_flight",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._kind = kind
        self._setting = setting
        self._clock = clock
        self._rate = ReturnRate(most, outlook)
        self._turns = Turns(most)
        self._watched: set[Hashable] = set()
        self._taken = 0

    @property
    def share_taken(self) -> float:
        """How much of the places is taken, 0 to 1; a little more while turns are kept."""
        return self._taken / self._most

    @property
    def taken(self) -> int:
        """Places that are held."""
        return self._taken

    def admit(self, count: int, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Hold `count` places. Raises `Overloaded`, or `TooManyImages` over the limit.

        Who is refused waits for it, up to a second, so that its Retry-After, which is a whole
        number of seconds, ends at its turn.
        """
        return _Admitted(self, count, caller)

    def check(self, count: int) -> None:
        """Raises `TooManyImages` for more than there will ever be."""
        if count > self._most:
            raise TooManyImages(
                f"{count} {self._kind} in one request; the limit is {self._most} ({self._setting})."
            )

    async def take(self, count: int, caller: Caller) -> None:
        """As `admit`, for places that are given back by `give`."""
        if self._turns.idle and count <= self._most - self._taken:
            self._note(count)  # as nearly always
            return
        self.check(count)
        now, key = self._clock(), caller.key
        if not (self._turns.keeps(now, count, self._taken, key) or self._spares(count)):
            await self._refuse(count, caller)
        self._note(count)

    def give(self, count: int) -> None:
        """Places that come back."""
        self._note(-count)

    async def _refuse(self, count: int, caller: Caller) -> None:
        """Returns where a place has come free after all."""
        now = self._clock()
        promise = self._turns.promise(now, count, self._rate.per_second, caller.key)
        if promise.answer - now >= caller.patience:  # would not be there to be told
            self._watch(caller)
            raise self._overloaded(math.ceil(promise.moment.due - now))
        try:
            await asyncio.sleep(max(0.0, promise.answer - now))
        except BaseException:
            self._turns.withdraw(promise, caller.key)
            raise
        if self._spares(count, promise):
            self._turns.withdraw(promise, caller.key)
            return
        self._watch(caller)
        raise self._overloaded(promise.seconds)

    def _overloaded(self, seconds: int) -> Overloaded:
        return Overloaded(
            f"{self._taken} {self._kind} are in flight and the limit is {self._most} "
            f"({self._setting}); ask again in {seconds} s, when a place is kept for you.",
            retry_after=seconds,
        )

    def _spares(self, count: int, own: Promise | None = None) -> bool:
        return self._turns.spares(self._clock(), count, self._taken, self._rate.per_second, own)

    def _note(self, change: int) -> None:
        self._taken += change
        if self._rate.crowded or 2 * self._taken >= self._most:  # else there is nothing to count
            self._rate.note(self._clock(), self._taken, max(0, -change))

    def _watch(self, caller: Caller) -> None:
        """Notice when the connection of somebody refused is closed."""
        key = caller.key
        if caller.calls is None or key in self._watched:
            return
        self._watched.add(key)

        def lost() -> None:
            self._watched.discard(key)
            self._turns.lose(key)

        caller.calls.add(lost)


class _Admitted:
    """The block in which places are held."""

    __slots__ = ("_caller", "_count", "_places")

    def __init__(self, places: PlacesInFlight, count: int, caller: Caller) -> None:
        self._places = places
        self._count = count
        self._caller = caller

    async def __aenter__(self) -> None:
        await self._places.take(self._count, self._caller)

    async def __aexit__(self, *_: object) -> None:
        self._places.give(self._count)
