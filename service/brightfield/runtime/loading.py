"""From a card to a warm resident model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from brightfield.cards import ModelCard
from brightfield.models.loading.build import build
from brightfield.models.loading.input_sizes import sizes_of
from brightfield.models.loading.lab_code import load_post_code
from brightfield.models.loading.makeup import check_unchanged, model_digest
from brightfield.runtime.lane import Lane
from brightfield.runtime.model_end import find_end
from brightfield.runtime.resident import Resident, module_bytes


class ModelLoader:
    """Builds, places and warms up a model; called by the registry, in a thread of its own."""

    def __init__(self, *, data: Path, trust_model_code: bool) -> None:
        self._data = data
        self._trust = trust_model_code

    def __call__(self, card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        digest = model_digest(card)
        module = build(card, trust_model_code=self._trust, data=self._data)
        card = card.with_post(load_post_code(card, trust_model_code=self._trust))
        check_unchanged(card, digest)
        _ = card.label_names  # may import torchvision, which no request should wait for
        size = module_bytes(module)
        resident = Resident(
            card=card,
            module=module,
            lane=room(size),
            size_bytes=size,
            sha256=card.weights.sha256 if card.weights else None,
            digest=digest,
            static_batch=sizes_of(module).batch.most,
            input_sizes=sizes_of(module),
        )
        resident.run(resident.move_to_device)
        resident.run(lambda: find_end(resident))
        resident.warm_up()
        return resident
