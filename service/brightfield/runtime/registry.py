"""The registry: which models are resident, within a memory budget."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

from brightfield.cards import ModelCard
from brightfield.errors import MemoryBusy, ModelTooLarge, ServiceStopping, UnknownModel, nearest
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry

log = logging.getLogger(__name__)

ResidencyState = Literal["available", "loading", "resident"]
Loader = Callable[[ModelCard, Callable[[int], Lane]], Resident]
"""Builds a model: gets the card and a function that finds room for so many bytes on a lane."""


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
    ) -> None:
        self._cards = dict(cards)
        self._load = load
        self._budgets = dict(budgets)
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._residents: dict[str, Resident] = {}
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
            if name in self._residents:
                return "resident"
            return "loading" if name in self._loading else "available"

    def resident(self, name: str) -> Resident | None:
        with self._lock:
            return self._residents.get(name)

    def residents(self) -> list[Resident]:
        with self._lock:
            return list(self._residents.values())

    # Use

    @contextmanager
    def using(self, name: str) -> Iterator[Resident]:
        """The resident model, loaded if need be, held against eviction meanwhile. Blocks."""
        while (resident := self._hold(name)) is None:
            self.load(name).result()
        try:
            yield resident
        finally:
            self._release(resident)

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[Resident]:
        """As `using`, for the event loop: loading happens in a thread of its own."""
        while (resident := self._hold(name)) is None:
            # Shielded: one caller who leaves must not cancel the load of the others.
            await asyncio.shield(asyncio.wrap_future(self.load(name)))
        try:
            yield resident
        finally:
            self._release(resident)

    def load(self, name: str, *, pin: bool = False, anew: bool = False) -> Future[Resident]:
        """Load a model in the background; one load however many ask.

        `pin` keeps it from being evicted; `anew` loads it from its card even where it is
        resident, and swaps it in when it is warm.
        """
        card = self.card(name)
        with self._lock:
            resident = self._residents.get(name)
            if resident is not None and not anew:
                resident.pinned = resident.pinned or pin
                done: Future[Resident] = Future()
                done.set_result(resident)
                return done
            if name in self._loading:
                return self._loading[name]
            if self._closed:
                raise ServiceStopping("The service is stopping; ask again when it is back.")
            future = self._loading[name] = self._threads.submit(self._admit, card, pin)
            return future

    def unload(self, name: str) -> bool:
        """Drop a model, at once or when its last user is done; False if it was not resident."""
        self.card(name)
        with self._lock:
            resident = self._residents.pop(name, None)
            if resident is not None:
                self._retire(resident)
        return resident is not None

    def close(self) -> None:
        """Take no more loads and drop every model."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(cancel_futures=True)
        with self._lock:
            for name in list(self._residents):
                self._retire(self._residents.pop(name))

    # How it works

    def _hold(self, name: str) -> Resident | None:
        with self._lock:
            resident = self._residents.get(name)
            if resident is not None:
                resident.users += 1
                resident.last_used = time.monotonic()
            return resident

    def _release(self, resident: Resident) -> None:
        with self._lock:
            resident.users -= 1
            if resident.retired and resident.users == 0:
                self._free(resident)

    def _admit(self, card: ModelCard, pin: bool) -> Resident:
        reserved: list[tuple[Lane, int]] = []

        def room(size: int) -> Lane:
            lane = self._reserve(card, size)
            reserved.append((lane, size))
            return lane

        try:
            resident = self._load(card, room)
        except BaseException:
            with self._lock:
                for lane, size in reserved:
                    self._held[lane] -= size
                self._loading.pop(card.id, None)
            raise
        resident.pinned = pin
        self._publish(resident)
        return resident

    def _publish(self, resident: Resident) -> None:
        name = resident.card.id
        with self._lock:
            old = self._residents.pop(name, None)
            if old is not None:
                resident.pinned = resident.pinned or old.pinned
                self._retire(old)
            self._residents[name] = resident
            self._loading.pop(name, None)
        self._telemetry.loads.labels(name).inc()
        self._telemetry.resident_bytes.labels(name, resident.lane.name).set(resident.size_bytes)
        log.info("model %s is resident on %s", name, resident.lane.name)

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
            (r for r in self._residents.values() if r.lane is lane and not (r.users or r.pinned)),
            key=lambda resident: resident.last_used,
        )
        old = self._residents.get(keep)  # its bytes go when the new version is in
        allowance = self._free_bytes(lane) + (old.size_bytes if old and old.lane is lane else 0)
        victims = []
        for resident in idle:
            if allowance >= size:
                break
            if resident is not old:
                victims.append(resident)
                allowance += resident.size_bytes
        if allowance < size:
            return False
        for resident in victims:
            self._telemetry.evictions.labels(resident.card.id).inc()
            log.info("model %s is evicted from %s", resident.card.id, lane.name)
            self._retire(self._residents.pop(resident.card.id))
        return True

    def _retire(self, resident: Resident) -> None:
        resident.retired = True
        self._telemetry.resident_bytes.labels(resident.card.id, resident.lane.name).set(0)
        if resident.users == 0:
            self._free(resident)

    def _free(self, resident: Resident) -> None:
        self._held[resident.lane] -= resident.size_bytes
        resident.call(resident.release_cache)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
