"""Which processes of the service serve a model, as this one knew at its last beat.

Asked for each request, so it asks neither the store nor the disk.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from brightfield.api.cluster.heart import Heart
from brightfield.engine import Engine
from brightfield.outages import ModelNotServed
from brightfield.store.process import this_process
from brightfield.store.replicas import Replica


class Pools:
    """The processes that are alive, by the models that they load."""

    def __init__(self, own_id: str, heart: Heart, engine: Engine, lease: float) -> None:
        self._own_id = own_id
        self._heart = heart
        self._engine = engine
        self._lease = lease
        self.partial = not engine.settings.served.every
        """Whether there are models that this process doesn't load."""
        self._host = this_process().host
        self._asked: Counter[str] = Counter()
        self._silent: dict[str, float] = {}

    def lacking(self, models: Collection[str]) -> bool:
        """Whether a request that needs these models is for another process."""
        return self.partial and any(map(self._engine.registry.elsewhere, models))

    def check(self, models: Collection[str]) -> None:
        """Raises `ModelNotServed` if neither this process nor another serves all these models."""
        if self.lacking(models) and not self._serving(models):
            raise self.refusal(models, "")

    def able(self, models: Collection[str]) -> list[Replica]:
        """The other processes that serve all these models and can be reached, in the order in which
        they are to be asked: those that answer least for this one first.

        One that didn't answer is the last, until it renews its lease. Raises `ModelNotServed` if
        there is none.
        """
        serving = self._serving(models)
        found = [each for each in serving if self._reachable(each)]
        if not found:
            hidden = " Name the address of each that does in its BRIGHTFIELD_ADDRESS."
            raise self.refusal(models, hidden if serving else "")
        random.shuffle(found)
        return sorted(
            found, key=lambda each: (self._silent.get(each.id) == each.beat, self._asked[each.id])
        )

    @contextmanager
    def asking(self, replica: Replica) -> Iterator[None]:
        """While a request is with another process."""
        self._asked[replica.id] += 1
        try:
            yield
        finally:
            self._asked[replica.id] -= 1
            self._asked += Counter()  # forgets those that are asked nothing

    def silent(self, replica: Replica) -> None:
        """It doesn't answer."""
        living = {each.id for each in self._heart.living}
        self._silent = {name: beat for name, beat in self._silent.items() if name in living}
        self._silent[replica.id] = replica.beat

    def refusal(self, models: Collection[str], advice: str) -> ModelNotServed:
        """What a caller is told if nobody answers; `advice` is a sentence with a space before."""
        names = " and ".join(sorted(set(models)))
        return ModelNotServed(
            f"No process of the service that can be reached serves {names}.{advice} Start one "
            "whose BRIGHTFIELD_SERVES names it, or ask again if one is about to start.",
            retry_after=self._lease,
        )

    def _serving(self, models: Collection[str]) -> list[Replica]:
        others = [each for each in self._heart.living if each.id != self._own_id]
        return [each for each in others if all(model in each.served for model in models)]

    def _reachable(self, replica: Replica) -> bool:
        """Another machine's own loopback is this machine's, and leads to somebody else."""
        host = replica.address.rpartition(":")[0].strip("[]")
        return bool(host) and (not _is_loopback(host) or replica.process.host == self._host)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False
