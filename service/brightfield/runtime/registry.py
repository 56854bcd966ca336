"""The registry: which models are resident, within a memory budget."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from brightfield.cards import ModelCard
from brightfield.errors import MemoryBusy, ModelTooLarge, ServiceStopping, UnknownModel, nearest
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.work_item import PlacedModel

log = logging.getLogger(__name__)

ResidencyState = Literal["available", "loading", "resident", "quarantined"]
Loader = Callable[[ModelCard, Callable[[int], Lane]], Resident]
"""Builds a model: gets the card and a function that finds room for so many bytes on a lane."""


@dataclass(slots=True, eq=False)
class _Residency:
    """A resident model's stay: who holds it, whether it may be evicted, when it was last used."""

    resident: Resident
    pinned: bool = False
    users: int = 0
    retired: bool = False
    last_used: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return self.resident.card.id

    @property
    def lane(self) -> Lane:
        return self.resident.lane

    @property
    def size_bytes(self) -> int:
        return self.resident.size_bytes

    @property
    def idle(self) -> bool:
        """Whether it may be evicted."""
        return not (self.users or self.pinned)


class Registry:
    """Resident models: loaded off the request path, once however many ask, within a budget.

    `budgets` are bytes per lane. A model that must give way is the least recently used one that
    is neither pinned nor in use. A new version is loaded before the old one is dropped (both are
    held for that moment, over the budget if need be). A failed load leaves nothing behind.
    """

    def __init__(
        self,
        cards: Mapping[str, ModelCard],
        load: Loader,
        budgets: Mapping[Lane, int],
        telemetry: Telemetry,
        safeguards: Safeguards | None = None,
    ) -> None:
        self._safeguards = safeguards or Safeguards()
        self._cards = dict(cards)
        self._load = load
        self._budgets = dict(budgets)
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._stays: dict[str, _Residency] = {}
        self._loading: dict[str, Future[Resident]] = {}
        self._held = dict.fromkeys(budgets, 0)
        self._closed = False
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="loader")

    # What is known

    @property
    def lanes(self) -> Sequence[Lane]:
        return tuple(self._budgets)

    def cards(self) -> dict[str, ModelCard]:
        with self._lock:
            return dict(self._cards)

    def card(self, name: str) -> ModelCard:
        """The card of a model. Raises `UnknownModel` with the nearest names."""
        with self._lock:
            card = self._cards.get(name)
            known = sorted(self._cards)
        if card is None:
            hint = nearest(name, known) or f" Known: {', '.join(known)}."
            raise UnknownModel(f"There is no model {name!r}.{hint}")
        return card

    def replace_cards(self, cards: Mapping[str, ModelCard]) -> None:
        """Take a new set of cards; residents stay until they are loaded anew or unloaded."""
        with self._lock:
            self._cards = dict(cards)

    def state(self, name: str) -> ResidencyState:
        with self._lock:
            if name in self._stays:
                return "resident"
            if name in self._loading:
                return "loading"
            return "quarantined" if self.quarantined(name) else "available"

    def quarantined(self, name: str) -> str | None:
        """Why a model is set aside; None if it isn't."""
        return self._safeguards.quarantine.reason(name)

    def resident(self, name: str) -> Resident | None:
        with self._lock:
            stay = self._stays.get(name)
            return stay.resident if stay else None

    def residents(self) -> list[Resident]:
        with self._lock:
            return [stay.resident for stay in self._stays.values()]

    def pinned(self, name: str) -> bool:
        """Whether a model is resident and kept from being evicted."""
        with self._lock:
            stay = self._stays.get(name)
            return stay is not None and stay.pinned

    # Use

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[Resident]:
        """The resident model, held against eviction meanwhile.

        Loaded if need be, in a thread of its own.
        """
        while (stay := self._hold(name)) is None:
            # Shielded: one caller who leaves must not cancel the load of the others.
            await asyncio.shield(asyncio.wrap_future(self.load(name)))
        try:
            yield stay.resident
        finally:
            self._release(stay)

    def load(self, name: str, *, pin: bool = False, anew: bool = False) -> Future[Resident]:
        """Load a model in the background; one load however many ask.

        `pin` keeps it from being evicted; `anew` loads it from its card even where it is
        resident, and swaps it in when it is warm.
        """
        card = self.card(name)
        with self._lock:
            stay = self._stays.get(name)
            if stay is not None and not anew:
                stay.pinned = stay.pinned or pin
                done: Future[Resident] = Future()
                done.set_result(stay.resident)
                return done
            if name in self._loading:
                return self._loading[name]
            if anew:
                self._safeguards.quarantine.release(name)
            self._safeguards.quarantine.check(name)
            if self._closed:
                raise ServiceStopping("The service is stopping; ask again when it is back.")
            future = self._loading[name] = self._threads.submit(self._admit, card, pin)
            return future

    def unload(self, name: str) -> bool:
        """Drop a model, at once or when its last user is done; False if it was not resident."""
        self.card(name)
        with self._lock:
            stay = self._stays.pop(name, None)
            if stay is not None:
                self._retire(stay)
        return stay is not None

    def forget(self, model: PlacedModel) -> None:
        """Drop a resident model whose thread was given up: nobody may run it any more."""
        with self._lock:
            stay = self._stays.get(model.card.id)
            if stay is not None and stay.resident is model:
                self._retire(self._stays.pop(model.card.id))

    def close(self) -> None:
        """Take no more loads and drop every model."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(cancel_futures=True)
        with self._lock:
            for name in list(self._stays):
                self._retire(self._stays.pop(name))

    # How it works

    def _hold(self, name: str) -> _Residency | None:
        with self._lock:
            stay = self._stays.get(name)
            if stay is not None:
                stay.users += 1
                stay.last_used = time.monotonic()
            return stay

    def _release(self, stay: _Residency) -> None:
        with self._lock:
            stay.users -= 1
            if stay.retired and stay.users == 0:
                self._free(stay)

    def _admit(self, card: ModelCard, pin: bool) -> Resident:
        reserved: list[tuple[Lane, int]] = []

        def room(size: int) -> Lane:
            lane = self._reserve(card, size)
            reserved.append((lane, size))
            return lane

        try:
            with self._safeguards.flights.of(card.id):
                resident = self._load(card, room)
        except BaseException:
            with self._lock:
                for lane, size in reserved:
                    self._held[lane] -= size
                self._loading.pop(card.id, None)
            raise
        self._publish(_Residency(resident, pin))
        return resident

    def _publish(self, stay: _Residency) -> None:
        name = stay.name
        with self._lock:
            old = self._stays.pop(name, None)
            if old is not None:
                stay.pinned = stay.pinned or old.pinned
                self._retire(old)
            self._stays[name] = stay
            self._loading.pop(name, None)
        self._telemetry.loads.labels(name).inc()
        self._telemetry.resident_bytes.labels(name, stay.lane.name).set(stay.size_bytes)
        log.info("model %s is resident on %s", name, stay.lane.name)

    def _reserve(self, card: ModelCard, size: int) -> Lane:
        """Room for `size` bytes on the lane that has most left, evicting where needed."""
        with self._lock:
            fitting = [lane for lane, budget in self._budgets.items() if size <= budget]
            if not fitting:
                raise ModelTooLarge(
                    f"The model {card.id} needs {_mib(size)} and the memory budget is "
                    f"{_mib(max(self._budgets.values()))} per device; raise memory_budget."
                )
            for lane in sorted(fitting, key=self._free_bytes, reverse=True):
                if self._make_room(lane, size, keep=card.id):
                    self._held[lane] += size
                    return lane
        raise MemoryBusy(
            f"No room for the model {card.id} ({_mib(size)}): the resident models are pinned or "
            "in use; unload one or ask again later.",
            retry_after=5,
        )

    def _free_bytes(self, lane: Lane) -> int:
        return self._budgets[lane] - self._held[lane]

    def _make_room(self, lane: Lane, size: int, keep: str) -> bool:
        """Evict the least recently used until `size` fits; evicts nothing if that cannot work."""
        idle = sorted(
            (stay for stay in self._stays.values() if stay.lane is lane and stay.idle),
            key=lambda stay: stay.last_used,
        )
        old = self._stays.get(keep)  # its bytes go when the new version is in
        allowance = self._free_bytes(lane) + (old.size_bytes if old and old.lane is lane else 0)
        victims = []
        for stay in idle:
            if allowance >= size:
                break
            if stay is not old:
                victims.append(stay)
                allowance += stay.size_bytes
        if allowance < size:
            return False
        for stay in victims:
            self._telemetry.evictions.labels(stay.name).inc()
            log.info("model %s is evicted from %s", stay.name, lane.name)
            self._retire(self._stays.pop(stay.name))
        return True

    def _retire(self, stay: _Residency) -> None:
        stay.retired = True
        self._telemetry.resident_bytes.labels(stay.name, stay.lane.name).set(0)
        if stay.users == 0:
            self._free(stay)

    def _free(self, stay: _Residency) -> None:
        self._held[stay.lane] -= stay.size_bytes
        stay.resident.call(stay.resident.release_cache)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
