"""Loads of models: in order for each model, in line for memory, in threads that can be given up."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from brightfield.cards import ModelCard
from brightfield.errors import BrightfieldError, Cancelled
from brightfield.outages import LoadTimeout, MemoryBusy, ModelFailed, ServiceStopping
from brightfield.runtime.lane import Lane
from brightfield.runtime.load_line import LoadLine, ModelLoad, Seat
from brightfield.runtime.load_threads import LoadThreads
from brightfield.runtime.residency import Residency, ResidentModels
from brightfield.runtime.resident import Resident
from brightfield.runtime.safeguards import Safeguards

log = logging.getLogger(__name__)

Loader = Callable[[ModelCard, Callable[[int], Lane]], Resident]
"""Builds a model: gets the card and a function that finds room for so many bytes on a lane."""

# Loads that run at the same time: one that waits for the disk and one that computes.
_AT_ONCE = 2
# Models that wait for memory; each stands there once, however many requests ask for it.
_LONGEST_LINE = 32


class _NoRoom(Exception):
    """The model that was built must wait for memory; it is built again when it is its turn."""


class ModelLoads:
    """Every load from when it is asked for until it is over.

    Loads of one model are in order, each from the card as it is when the load begins. Models that
    wait for memory stand in a line and get it in order of arrival. What is known changes within
    `changing`, which has the lock.
    """

    def __init__(
        self,
        stays: ResidentModels,
        card_of: Callable[[str], ModelCard],
        load: Loader,
        load_timeout: float,
        safeguards: Safeguards,
        measure: Callable[[Resident], object] | None = None,
    ) -> None:
        self._measure = measure or _ignore
        self._stays = stays
        self._card_of = card_of
        self._load = load
        self._lock = threading.Lock()
        self._loads: dict[str, list[ModelLoad]] = {}
        self._line = LoadLine(_LONGEST_LINE)
        self._sizes: dict[str, int] = {}
        self._aside: dict[str, BrightfieldError] = {}
        self.waiting: list[Callable[[], object]] = []
        self._closed = False
        self._safeguards = safeguards
        self.on_loaded: Callable[[Resident], object] = _ignore
        self._threads = LoadThreads(_AT_ONCE, load_timeout, safeguards.give_up)
        self._changing = _Changing(self._lock, self)

    def changing(self) -> AbstractContextManager[None]:
        """Within it what is known changes, under the lock; callers are told when it is released."""
        return self._changing

    def joined(self, name: str, anew: bool) -> ModelLoad:
        """The load of a model that a caller may wait for: the one under way, or for who wants it
        anew one that has not begun; else a new one."""
        loads = self._loads.get(name, [])
        for load in loads:
            if not (anew and load.begun):
                load.anew = load.anew or anew
                return load
        if self._closed:
            raise _stopping()
        if anew:
            self._aside.pop(name, None)
            self._safeguards.quarantine.release(name)
        elif name in self._aside:
            raise self._aside[name].again()
        self._safeguards.quarantine.check(name)
        self._card_of(name)
        load = ModelLoad(name, anew, self._sizes.get(name))
        self._loads[name] = [*loads, load]
        if not loads:
            self._queue(load)
            self.advance()
        return load

    def under_way(self, name: str) -> bool:
        """Whether a model is being loaded, or waits for it."""
        return name in self._loads

    def forsake(self, seat: Seat, load: ModelLoad) -> None:
        """One who waited for a load leaves; if nobody else wants it, it leaves the line."""
        load.seats.discard(seat)
        if not (load.over or load.seats or load.wanted) and load in self._line:
            self._end(load, Cancelled("Nobody waits for the model any more."))
            self.advance()

    def check_line(self, load: ModelLoad) -> None:
        """Raises `MemoryBusy` for a load that still waits for memory."""
        if load in self._line:
            raise _busy(load.name, self._line.seconds(self._line.place(load)))

    def refuse_all(self) -> None:
        """Begin no more loads, and end those that are under way for all who wait."""
        self._closed = True
        for load in [load for loads in self._loads.values() for load in loads]:
            if not load.over:
                self._end(load, _stopping())

    def close(self) -> None:
        """Wait a moment for the threads of loads that run."""
        self._threads.close()

    def tell(self) -> None:
        """Tell those who wait. What one thread has added under the lock, it or another tells."""
        with self._lock:
            waiting, self.waiting = self.waiting, []
        for act in waiting:
            act()

    def _queue(self, load: ModelLoad) -> None:
        """Start a load, or let it wait for memory if it is known how much it needs."""
        if self._closed:
            self._end(load, _stopping())
        elif load.size is None:
            self._start(load)
        elif self._line.full:
            self._end(load, _busy(load.name, self._line.seconds(len(self._line))))
        else:
            self._line.join(load)

    def _start(self, load: ModelLoad) -> None:
        self.waiting.append(
            partial(
                self._threads.start, load.name, partial(self._run, load), partial(self._late, load)
            )
        )

    def _run(self, load: ModelLoad) -> None:
        """The whole load, in a thread of its own."""
        try:
            with self._lock:
                if load.over:
                    return
                load.begun = True
                card = self._card_of(load.name)
            with self._safeguards.flights.of(load.name):
                resident = self._load(card, partial(self._room, load))
            if self._published(load, resident):
                self._measure(resident)
        except _NoRoom:
            self._wait_again(load)
        except BrightfieldError as fault:
            self._fail(load, fault.again())
        except BaseException as fault:  # the lab's code runs here, and may raise anything
            log.exception("loading %s failed", load.name)
            self._fail(load, _failed(load.name, fault))

    def _room(self, load: ModelLoad, size: int) -> Lane:
        """Room for what was built: what was reserved, or more of it if there is at once."""
        with self.changing():
            if load.over:
                raise _NoRoom
            self._sizes[load.name] = load.size = size
            if load.reserved is not None and load.reserved[1] >= size:
                lane, most = load.reserved
                self._stays.give(lane, most - size)
                load.reserved = (lane, size)
                return lane
            self._give_back(load)
            if len(self._line) or not self._reserve(load):
                raise _NoRoom
            assert load.reserved is not None
            return load.reserved[0]

    def _wait_again(self, load: ModelLoad) -> None:
        with self.changing():
            if not load.over:
                load.begun = False
                self._queue(load)
                self.advance()

    def _published(self, load: ModelLoad, resident: Resident) -> bool:
        """Let requests have a model; False if its load was given up."""
        stay = Residency(resident, load.pin)
        with self.changing():
            if load.over:  # it was given up
                stay.tidy()
                self._forgive(load)
                return False
            load.reserved = None
            self._stays.add(stay)
            self._end(load, stay)
            self.advance()
            self.waiting.append(partial(self.on_loaded, resident))
            return True

    def _fail(self, load: ModelLoad, fault: BrightfieldError) -> None:
        with self.changing():
            if load.over:
                self._forgive(load)
                return
            self._give_back(load)
            self._end(load, fault)
            self.advance()

    def _late(self, load: ModelLoad) -> None:
        """Give up a load that takes too long; while its thread runs the model is set aside."""
        fault = LoadTimeout(
            f"Loading {load.name} takes longer than {self._threads.seconds:g} s (load_timeout). "
            "Raise load_timeout if it is only slow; else mend its code, and then load it anew."
        )
        with self.changing():
            if not load.over:
                reason = f"loading it did not end within {self._threads.seconds:g} s"
                self._safeguards.quarantine.strike(load.name, reason)
                self._aside[load.name] = fault
                self._give_back(load)
                self._end(load, fault)
                self.advance()

    def _forgive(self, load: ModelLoad) -> None:
        """What was set aside because its thread was at work may be tried again after its end."""
        if load.fault is not None and self._aside.get(load.name) is load.fault:
            del self._aside[load.name]

    def _give_back(self, load: ModelLoad) -> None:
        if load.reserved is not None:
            self._stays.give(*load.reserved)
            load.reserved = None

    def _reserve(self, load: ModelLoad) -> bool:
        """Whether there is room for a load, which it then has."""
        assert load.size is not None
        lane = self._stays.reserve(load.name, load.size)
        if lane is not None:
            load.reserved = (lane, load.size)
        return lane is not None

    def advance(self) -> None:
        """Start every load whose turn it is; called whenever memory may have come."""
        while self._stepped():
            pass

    def _stepped(self) -> bool:
        """Help one load in the line, if any can be helped."""
        head = self._line.head
        if head is None:
            self._stays.stop_draining()
            return False
        if self._over_or_started(head):
            return True
        for load in self._line:
            stay = None if load.anew else self._stays.get(load.name)
            if stay is not None and not stay.draining:
                self._end(load, stay)
                return True
        return False

    def _over_or_started(self, head: ModelLoad) -> bool:
        """Give the first in the line its room, or the model that it waits for if that is spared."""
        try:
            if (stay := self._stays.get(head.name)) is not None and not head.anew:
                stay.draining = False  # who made it give way is gone
                self._end(head, stay)
            elif self._reserve(head):
                self._line.served()
                self._start(head)
            else:
                return False
        except BrightfieldError as fault:
            self._end(head, fault)
        return True

    def _end(self, load: ModelLoad, outcome: Residency | BrightfieldError) -> None:
        """Tell all who wait; those who wait for an answer hold the model from now on."""
        load.over = True
        if load in self._line:
            self._line.leave(load)
        if isinstance(outcome, Residency):
            for seat in load.seats:
                seat.stay = outcome
                outcome.take()
            self.waiting.append(partial(load.future.set_result, outcome.resident))
        else:
            load.fault = outcome
            self.waiting.append(partial(load.future.set_exception, outcome.again()))
        self.waiting.append(partial(load.ended.set_result, None))
        load.seats.clear()
        self._loads[load.name].remove(load)
        if self._loads[load.name]:
            self._queue(self._loads[load.name][0])
        else:
            del self._loads[load.name]


class _Changing:
    """The lock, and what is done when it is released. Every request comes here, so it is no
    generator."""

    __slots__ = ("_loads", "_lock")

    def __init__(self, lock: threading.Lock, loads: ModelLoads) -> None:
        self._lock = lock
        self._loads = loads

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._loads.waiting:
            self._loads.tell()


def _ignore(_: Resident) -> None:
    """Nobody needs to know."""


def _busy(name: str, wait: float) -> MemoryBusy:
    return MemoryBusy(
        f"The model {name} waits for memory that others use; ask again in {math.ceil(wait)} s, or "
        "unload models, or raise memory_budget.",
        retry_after=wait,
    )


def _failed(name: str, fault: BaseException) -> ModelFailed:
    return ModelFailed(
        f"Loading {name} failed: {type(fault).__name__}: {fault}. The service's log says where."
    )


def _stopping() -> ServiceStopping:
    return ServiceStopping("The service is stopping; ask again when it is back.", retry_after=5)
