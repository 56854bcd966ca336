"""Loads of models, and the line in which they wait for memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from brightfield.errors import BrightfieldError
from brightfield.runtime.lane import Lane
from brightfield.runtime.residency import Residency
from brightfield.runtime.resident import Resident

# A turn is so long until one was measured, in seconds.
_UNMEASURED = 2.0
# How much the latest turn counts.
_NEW = 0.3


@dataclass(slots=True, eq=False)
class Seat:
    """A request's claim on a model: on the load that it waits for, then on the one in memory."""

    load: ModelLoad | None = None
    stay: Residency | None = None


@dataclass(slots=True, eq=False)
class ModelLoad:
    """A load of a model, from when it is asked for until it is over.

    It has `begun` once it has taken the card. `size` is known if the model was loaded before,
    `reserved` is the room that it was given. It is `wanted` if somebody asked for the load itself,
    and not only for an answer.
    """

    name: str
    anew: bool
    size: int | None
    pin: bool = False
    wanted: bool = False
    begun: bool = False
    over: bool = False
    reserved: tuple[Lane, int] | None = None
    seats: set[Seat] = field(default_factory=set)
    fault: BrightfieldError | None = None
    future: Future[Resident] = field(default_factory=Future)
    ended: Future[None] = field(default_factory=Future)
    """Done when the load is over, whatever came of it."""

    @classmethod
    def of(cls, stay: Residency) -> ModelLoad:
        """The load, long over, of a model that is in memory."""
        load = cls(stay.name, False, stay.size_bytes, over=True)
        load.future.set_result(stay.resident)
        load.ended.set_result(None)
        return load

    def __post_init__(self) -> None:
        for future in (self.future, self.ended):  # who waits can't cancel it for the others
            future.set_running_or_notify_cancel()


class LoadLine:
    """Loads that wait for memory, in order of arrival; and how long that takes.

    Not thread-safe: the registry's lock is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._loads: deque[ModelLoad] = deque()
        self._headed = 0.0
        self._turn = _UNMEASURED

    def __len__(self) -> int:
        return len(self._loads)

    def __iter__(self) -> Iterator[ModelLoad]:
        return iter(tuple(self._loads))

    def __contains__(self, load: ModelLoad) -> bool:
        return load in self._loads

    @property
    def full(self) -> bool:
        return len(self._loads) >= self._most

    @property
    def head(self) -> ModelLoad | None:
        """Whose turn it is."""
        return self._loads[0] if self._loads else None

    def join(self, load: ModelLoad) -> None:
        """Put a load at the end."""
        if not self._loads:
            self._headed = time.monotonic()
        self._loads.append(load)

    def leave(self, load: ModelLoad) -> None:
        """Take a load out of the line, wherever it stands."""
        if load is self.head:
            self._headed = time.monotonic()
        self._loads.remove(load)

    def served(self) -> None:
        """Take out the head, which has got its room; its time there is what a turn takes."""
        waited = time.monotonic() - self._headed
        if waited > 0.001:  # else there was room at once
            self._turn += _NEW * (waited - self._turn)
        self.leave(self._loads[0])

    def seconds(self, place: int) -> float:
        """How long one who is so far from the head will wait, by what turns have taken."""
        headed = time.monotonic() - self._headed if self._loads else 0.0
        return (place + 1) * max(self._turn, headed)

    def place(self, load: ModelLoad) -> int:
        """How many are before a load."""
        return self._loads.index(load)
