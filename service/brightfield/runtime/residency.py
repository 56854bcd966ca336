"""Models in memory: who holds each of them, and who gives way to another."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from brightfield.outages import MemoryBusy, ModelTooLarge
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Residency:
    """A resident model's stay: who holds it, whether it may be evicted, when it was last used.

    One that is `draining` must give way: it serves its users to the end and takes no new ones.
    """

    resident: Resident
    pinned: bool = False
    users: int = 0
    draining: bool = False
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

    def take(self) -> None:
        """Count one more user."""
        self.users += 1
        self.last_used = time.monotonic()

    def tidy(self) -> None:
        """Give the device's memory back."""
        self.resident.call(self.resident.release_cache)


class ResidentModels:
    """The models in memory, and the bytes that they hold of each lane's budget.

    Not thread-safe: the registry's lock is.
    """

    def __init__(self, budgets: Mapping[Lane, int], telemetry: Telemetry) -> None:
        self._budgets = dict(budgets)
        self._telemetry = telemetry
        self._stays: dict[str, Residency] = {}
        self._held = dict.fromkeys(budgets, 0)
        self._leaving = dict.fromkeys(budgets, 0)

    @property
    def lanes(self) -> Sequence[Lane]:
        return tuple(self._budgets)

    def get(self, name: str) -> Residency | None:
        return self._stays.get(name)

    def all(self) -> list[Residency]:
        return list(self._stays.values())

    def add(self, stay: Residency) -> None:
        """Take in a model whose bytes are reserved; it replaces an older one of its name."""
        old = self._stays.get(stay.name)
        if old is not None:
            stay.pinned = stay.pinned or old.pinned
            self.retire(old)
        self._stays[stay.name] = stay
        self._telemetry.loads.labels(stay.name).inc()
        self._telemetry.resident_bytes.labels(stay.name, stay.lane.name).set(stay.size_bytes)
        log.info("model %s is resident on %s", stay.name, stay.lane.name)

    def retire(self, stay: Residency) -> None:
        """Drop a model; its memory is free when its last user is done."""
        del self._stays[stay.name]
        stay.retired = True
        self._telemetry.resident_bytes.labels(stay.name, stay.lane.name).set(0)
        self._leaving[stay.lane] += stay.size_bytes
        if stay.users == 0:
            self._free(stay)

    def release(self, stay: Residency) -> bool:
        """One user of a model is done; whether it was the last."""
        stay.users -= 1
        if stay.users == 0 and stay.retired:
            self._free(stay)
        return stay.users == 0

    def reserve(self, name: str, size: int) -> Lane | None:
        """A lane where `size` bytes are reserved for a model; None where it must wait.

        Idle models are evicted if that is enough; else those that must give way take no new users
        from now on. Raises `ModelTooLarge` for a model over every budget, and `MemoryBusy` if
        pinned models are in the way.
        """
        lanes = self._fitting(name, size)
        for lane in lanes:
            idle = [each for each in self._evictable(lane, name) if not each.users]
            victims = _enough(idle, size - self._unused(lane, name))
            if victims is not None:
                self._evict(victims)
                self._held[lane] += size
                return lane
        for lane in lanes:
            if self._possible(lane, name, size):
                self._drain(lane, name, size)
                return None
        raise MemoryBusy(
            f"No room for the model {name} ({mib(size)}): pinned models are in the way; unload one."
        )

    def grow(self, stay: Residency, size: int) -> bool:
        """Reserve more bytes for a model, if they are left; whether they were."""
        if size > self._budgets[stay.lane] - self._held[stay.lane]:
            return False
        self._held[stay.lane] += size
        stay.resident.size_bytes += size
        self._telemetry.resident_bytes.labels(stay.name, stay.lane.name).set(stay.size_bytes)
        return True

    def stop_draining(self) -> None:
        """Let all take users again: nobody waits for memory."""
        for stay in self._stays.values():
            stay.draining = False

    def give(self, lane: Lane, size: int) -> None:
        """Take back what was reserved."""
        self._held[lane] -= size

    def _fitting(self, name: str, size: int) -> list[Lane]:
        """The lanes whose whole budget is enough, the one with most left first."""
        lanes = [lane for lane, budget in self._budgets.items() if size <= budget]
        if not lanes:
            raise ModelTooLarge(
                f"The model {name} needs {mib(size)} and the memory budget is "
                f"{mib(max(self._budgets.values()))} per device; raise memory_budget."
            )
        return sorted(lanes, key=lambda lane: self._budgets[lane] - self._held[lane], reverse=True)

    def _unused(self, lane: Lane, name: str) -> int:
        """What is left of a budget. What an older version of the model holds goes anyway."""
        old = self._stays.get(name)
        replaced = old.size_bytes if old is not None and old.lane is lane else 0
        return self._budgets[lane] - self._held[lane] + replaced

    def _evictable(self, lane: Lane, name: str) -> list[Residency]:
        """Those that may give way to a model, the least recently used first."""
        there = (
            stay
            for stay in self._stays.values()
            if stay.lane is lane and not stay.pinned and stay.name != name
        )
        return sorted(there, key=lambda stay: stay.last_used)

    def _possible(self, lane: Lane, name: str, size: int) -> bool:
        """Whether there will be room once all is gone that is not pinned."""
        pinned = (
            stay.size_bytes
            for stay in self._stays.values()
            if stay.lane is lane and stay.pinned and stay.name != name
        )
        return size <= self._budgets[lane] - sum(pinned)

    def _drain(self, lane: Lane, name: str, size: int) -> None:
        """Choose who gives way, of those in use the ones that were chosen before."""
        victims = self._evictable(lane, name)
        victims.sort(key=lambda stay: (not stay.draining, stay.users > 0))
        wanted = size - self._unused(lane, name) - self._leaving[lane]
        chosen = _enough(victims, wanted)
        for stay in self._stays.values():
            stay.draining = stay in (victims if chosen is None else chosen)

    def _evict(self, victims: Iterable[Residency]) -> None:
        for stay in victims:
            self._telemetry.evictions.labels(stay.name).inc()
            log.info("model %s is evicted from %s", stay.name, stay.lane.name)
            self.retire(stay)

    def _free(self, stay: Residency) -> None:
        self._leaving[stay.lane] -= stay.size_bytes
        self._held[stay.lane] -= stay.size_bytes
        stay.tidy()


def mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _enough(stays: Iterable[Residency], wanted: int) -> list[Residency] | None:
    """The first stays that have the wanted bytes together; None where all have not."""
    found = []
    for stay in stays:
        if wanted <= 0:
            break
        found.append(stay)
        wanted -= stay.size_bytes
    return found if wanted <= 0 else None
