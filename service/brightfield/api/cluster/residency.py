"""Brings this replica's models to what was wished at any of them, and says what it has."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace

from brightfield.cards import ModelCard
from brightfield.engine import Engine
from brightfield.errors import BrightfieldError, InvalidCard
from brightfield.models.loading.makeup import model_digest
from brightfield.store.replicas import Replica
from brightfield.store.wishes import ModelWish, ModelWishes

log = logging.getLogger(__name__)


class ModelResidency:
    """The models of this replica among those of the others."""

    def __init__(self, engine: Engine, wishes: ModelWishes, own: Replica) -> None:
        self._engine = engine
        self._wishes = wishes
        self._own = own
        self._generation = 0
        self._digests: dict[str, tuple[ModelCard, str]] = {}
        self.standing: dict[str, ModelWish] = {}
        """The newest wish about each model."""

    def now(self) -> Replica:
        """What this replica says of itself."""
        residents = tuple(sorted(each.card.id for each in self._engine.registry.residents()))
        return replace(self._own, residents=residents, cards_digest=self._cards_digest())

    def reached_at(self, address: str) -> None:
        """Where this replica is reached, which wasn't known when it joined."""
        self._own = replace(self._own, address=address)

    def wish(self, model: str, *, resident: bool, pin: bool = False, anew: bool = False) -> None:
        """What was done here, everybody shall do. Raises `StoreUnavailable`."""
        digest = self._cards_digest()
        self._wishes.wish(ModelWish(model, resident, pin, anew, self._own.id, digest))

    def follow(self) -> None:
        """Begin what was wished elsewhere since the last time; nothing is waited for."""
        for wish in self._wishes.after(self._generation):
            self._generation = wish.generation
            self.standing[wish.model] = wish
            if wish.replica != self._own.id:
                try:
                    self._do(wish)
                except BrightfieldError as fault:
                    log.warning("what was wished of %s can't be done: %s", wish.model, fault)

    def begin_alone(self) -> None:
        """No other replica is there: what was wished before is over."""
        self._wishes.forget()

    def _do(self, wish: ModelWish) -> None:
        """Cards are read anew whoever serves the model: they are the same everywhere."""
        if not wish.resident:
            self._engine.registry.unload(wish.model)
            return
        if wish.anew:
            self._engine.rescan()
        if self._engine.registry.elsewhere(wish.model):
            return
        self._engine.registry.load(wish.model, pin=wish.pinned, anew=wish.anew)

    def _cards_digest(self) -> str:
        """Of what all models answer by; each card is looked at once."""
        cards = self._engine.registry.cards()
        for name, card in cards.items():
            if name not in self._digests or self._digests[name][0] is not card:
                self._digests[name] = card, _digest(card)
        content = json.dumps([(name, self._digests[name][1]) for name in sorted(cards)])
        return hashlib.sha256(content.encode()).hexdigest()


def _digest(card: ModelCard) -> str:
    try:
        return model_digest(card)
    except InvalidCard as fault:
        return fault.detail
