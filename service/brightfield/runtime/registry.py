"""The registry: which models are resident, within a memory budget."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Literal

from brightfield.card_folders import FoundCards
from brightfield.cards import ModelCard
from brightfield.outages import ModelNotServed
from brightfield.runtime.lane import Lane
from brightfield.runtime.load_line import ModelLoad, Seat
from brightfield.runtime.model_loads import Loader, ModelLoads
from brightfield.runtime.residency import ResidentModels
from brightfield.runtime.resident import Resident
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import PlacedModel
from brightfield.served_models import EVERY_MODEL, ServedModels

ResidencyState = Literal["available", "loading", "resident", "removed", "quarantined"]
ModelState = ResidencyState | Literal["not_fetched"]
"""`not_fetched`: the weights are not on this machine."""

# A request that waits for memory is told when to ask again so many seconds before its deadline, or
# so much of what is left, so that it is told at all.
_BEFORE_DEADLINE = (0.25, 0.1)


class Registry:
    """Resident models: loaded off the request path, once however many ask, within a budget.

    `budgets` are bytes per lane. Loads of one model are in order, each from the card as it is when
    the load begins. A model that must give way is the least recently used one that isn't pinned; if
    it is in use, it serves those who hold it and takes no new ones. Models that wait for memory
    stand in a line and get it in order of arrival, so requests for more models than fit take turns.
    Only models that are `served` are loaded; one of these that isn't there raises `UnknownModel`.
    A new version is loaded before the old one is dropped (both are held for that moment, over the
    budget if need be). A failed load leaves nothing behind. A model serves
    while `measure` finds out what its batches cost, in the thread of its load.
    """

    def __init__(
        self,
        found: FoundCards,
        load: Loader,
        budgets: Mapping[Lane, int],
        telemetry: Telemetry,
        load_timeout: float,
        safeguards: Safeguards | None = None,
        measure: Callable[[Resident], object] | None = None,
        served: ServedModels = EVERY_MODEL,
    ) -> None:
        served.check_known((*found.cards, *found.unusable))
        self._found = found
        self._served = served
        self._safeguards = safeguards = safeguards or Safeguards()
        self._stays = ResidentModels(budgets, telemetry)
        self._loads = ModelLoads(
            self._stays, self._card_on_file, load, load_timeout, safeguards, measure
        )

    def tell_loaded(self, told: Callable[[Resident], object]) -> None:
        """Tell somebody of each model that is loaded from now on; it must not block."""
        self._loads.on_loaded = told

    # What is known

    @property
    def lanes(self) -> Sequence[Lane]:
        return self._stays.lanes

    def cards(self) -> dict[str, ModelCard]:
        """The cards by which models answer: of those in memory their own, else the card last read.

        A model in memory whose folder was removed meanwhile is among them.
        """
        with self._loads.changing():
            answering = {stay.name: stay.resident.card for stay in self._stays.all()}
            return {**self._found.cards, **answering}

    def card(self, name: str) -> ModelCard:
        """The card by which a model answers.

        Raises `UnknownModel` with the nearest names, and `InvalidCard` for a faulty card.
        """
        with self._loads.changing():
            stay = self._stays.get(name)
            return self._found.card(name) if stay is None else stay.resident.card

    def replace_cards(self, found: FoundCards) -> None:
        """Take a new set of cards; residents stay until they are loaded anew or unloaded."""
        with self._loads.changing():
            self._found = found

    def state(self, name: str) -> ResidencyState:
        """Whether a model is in memory, on its way there or at hand; removed if it has no card."""
        with self._loads.changing():
            if self._stays.get(name) is not None:
                return "resident"
            if self._loads.under_way(name):
                return "loading"
            if name not in self._found.cards:
                return "removed"
            return "quarantined" if self.quarantined(name) else "available"

    def elsewhere(self, name: str) -> bool:
        """Whether a model has a card and isn't served here, but by other processes."""
        return name not in self._served and name in self._found.cards

    def unserved(self) -> list[str]:
        """All models that aren't."""
        return [] if self._served.every else [m for m in self._found.cards if self.elsewhere(m)]

    def quarantined(self, name: str) -> str | None:
        """Why a model is set aside; None if it isn't."""
        return self._safeguards.quarantine.reason(name)

    def resident(self, name: str) -> Resident | None:
        with self._loads.changing():
            stay = self._stays.get(name)
            return stay.resident if stay else None

    def residents(self) -> list[Resident]:
        with self._loads.changing():
            return [stay.resident for stay in self._stays.all()]

    def pinned(self, name: str) -> bool:
        """Whether a model is resident and kept from being evicted."""
        with self._loads.changing():
            stay = self._stays.get(name)
            return stay is not None and stay.pinned

    # Use

    def use(self, name: str, ticket: Ticket | None = None) -> AbstractAsyncContextManager[Resident]:
        """The resident model, held against eviction meanwhile.

        Loaded if need be, in a thread of its own, when it is its turn. Raises `MemoryBusy` shortly
        before the ticket's deadline if it isn't, and what goes wrong with the load.
        """
        return _Use(self, name, ticket)

    def load(self, name: str, *, pin: bool = False, anew: bool = False) -> Future[Resident]:
        """Load a model in the background; one load however many ask.

        `pin` keeps it from being evicted; `anew` loads it from its card even where it is
        resident, and swaps it in when it is warm. Who asks for it anew while a load is under way
        gets the next one, which begins after that.
        """
        return self._wanted(name, pin=pin, anew=anew).future

    async def loaded(
        self, name: str, ticket: Ticket, *, pin: bool = False, anew: bool = False
    ) -> Resident:
        """As `load`, awaited, until shortly before the ticket's deadline if it waits for memory.

        The load goes on whoever stops waiting. Raises as `use` does.
        """
        load = self._wanted(name, pin=pin, anew=anew)
        await self.turn(load, ticket)
        return load.future.result()

    def unload(self, name: str) -> bool:
        """Drop a model, at once or when its last user is done; False if it was not resident.

        Raises `UnknownModel` and `InvalidCard` for one that isn't resident and has no good card.
        """
        with self._loads.changing():
            stay = self._stays.get(name)
            if stay is None:
                self._found.card(name)
                return False
            self._stays.retire(stay)
            self._loads.advance()
        return True

    def forget(self, model: PlacedModel) -> None:
        """Drop a resident model whose thread was given up: nobody may run it any more."""
        with self._loads.changing():
            stay = self._stays.get(model.card.id)
            if stay is not None and stay.resident is model:
                self._stays.retire(stay)
                self._loads.advance()

    def grow(self, resident: Resident, size: int) -> bool:
        """Reserve so many more bytes for a model in memory; False if it isn't there any more, or if
        there is no room without others' giving way."""
        with self._loads.changing():
            stay = self._stays.get(resident.card.id)
            if stay is None or stay.resident is not resident or stay.draining:
                return False
            return self._stays.grow(stay, size)

    def release_memory(self) -> None:
        """Free what backends keep for the next pass, when there is little to do."""
        for resident in self.residents():
            if resident.accelerated is not None:
                resident.accelerated.network.prepared.release()

    def close(self) -> None:
        """Take no more loads and drop every model. Waits a moment for loads that run."""
        with self._loads.changing():
            self._loads.refuse_all()
        self._loads.close()
        with self._loads.changing():
            for stay in self._stays.all():
                self._stays.retire(stay)

    def _card_on_file(self, name: str) -> ModelCard:
        return self._found.card(name)

    def _check_served(self, name: str) -> None:
        if self.elsewhere(name):
            raise ModelNotServed(
                f"This process doesn't serve {name} (BRIGHTFIELD_SERVES); ask one that does."
            )

    # Seats

    def _wanted(self, name: str, *, pin: bool, anew: bool) -> ModelLoad:
        """The load that is asked for; of a model that is in memory one that is over."""
        with self._loads.changing():
            stay = self._stays.get(name)
            if stay is not None and not anew and (pin or not stay.draining):
                if pin:
                    stay.pinned, stay.draining = True, False
                    self._loads.advance()
                return ModelLoad.of(stay)
            self._check_served(name)
            load = self._loads.joined(name, anew)
            load.pin = load.pin or pin
            load.wanted = True
            return load

    def sit(self, name: str) -> Seat:
        """A claim on the model in memory, or on its load, of which it becomes one at its end."""
        with self._loads.changing():
            stay = self._stays.get(name)
            if stay is not None and not stay.draining:
                stay.take()
                return Seat(stay=stay)
            self._check_served(name)
            load = self._loads.joined(name, anew=False)
            seat = Seat(load=load)
            load.seats.add(seat)
            return seat

    async def turn(self, load: ModelLoad, ticket: Ticket) -> None:
        """Wait for the end of a load. Raises what went wrong with it."""
        done = asyncio.wrap_future(load.ended)
        most, share = _BEFORE_DEADLINE
        left = max(0.0, ticket.remaining - min(most, share * max(0.0, ticket.remaining)))
        try:
            await asyncio.wait((done,), timeout=None if math.isinf(left) else left)
            if not load.over:
                with self._loads.changing():
                    self._loads.check_line(load)
            await asyncio.wait((done,))
        finally:
            done.cancel()
        if load.fault is not None:
            raise load.fault.again()

    def leave(self, seat: Seat) -> None:
        """Give a claim up."""
        with self._loads.changing():
            if seat.stay is None:
                if seat.load is not None:
                    self._loads.forsake(seat, seat.load)
            elif self._stays.release(seat.stay):
                self._loads.advance()


class _Use:
    """A model held from the beginning of a block to its end."""

    __slots__ = ("_name", "_registry", "_seat", "_ticket")

    def __init__(self, registry: Registry, name: str, ticket: Ticket | None) -> None:
        self._registry = registry
        self._name = name
        self._ticket = ticket

    async def __aenter__(self) -> Resident:
        self._seat = seat = self._registry.sit(self._name)
        if seat.load is not None:
            try:
                await self._registry.turn(seat.load, self._ticket or Ticket())
            except BaseException:
                self._registry.leave(seat)
                raise
        assert seat.stay is not None
        return seat.stay.resident

    async def __aexit__(self, *_: object) -> None:
        self._registry.leave(self._seat)
