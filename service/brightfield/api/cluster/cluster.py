"""The other replicas, as this one knew them at its last beat; asked without the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brightfield.api.cluster.heart import Heart
from brightfield.api.cluster.residency import ModelResidency
from brightfield.outages import CardsDiffer
from brightfield.store.replicas import Replica


@dataclass(frozen=True, slots=True)
class Cluster:
    """The replicas of the service."""

    own: Replica
    heart: Heart
    residency: ModelResidency

    @property
    def living(self) -> Sequence[Replica]:
        """Those that are alive, with this one as it is now."""
        now = self.residency.now()
        return [now if each.id == now.id else each for each in self.heart.living] or [now]

    def counts(self, model: str) -> dict[str, int]:
        """At how many replicas a model is in memory, at how many it is wanted, and how many serve
        it."""
        living, wish = self.living, self.residency.standing.get(model)
        resident = sum(model in each.residents for each in living)
        serving = sum(model in each.served for each in living)
        wanted = serving if wish and wish.resident else 0
        return {"resident": resident, "wanted": wanted, "serving": serving}

    def check_cards(self) -> None:
        """Raises `CardsDiffer` if this replica would answer with other models than the others.

        Those of the others are the cards where a model was last asked for, as long as a replica
        with them is alive; else those of the oldest replica.
        """
        living, digests = self.living, {each.cards_digest for each in self.living}
        wishes = sorted(self.residency.standing.values(), key=lambda wish: wish.generation)
        wished = [each.cards_digest for each in wishes if each.cards_digest in digests]
        right = wished[-1] if wished else living[0].cards_digest
        if self.residency.now().cards_digest != right:
            raise CardsDiffer(
                "The model cards of this process aren't those of the others. Give all the same "
                "folders in BRIGHTFIELD_MODELS, or load a model anew here, so the others must.",
                retry_after=5,
            )
