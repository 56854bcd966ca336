"""From a card to a warm resident model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

from torch import nn

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, suggestions
from brightfield.models.examination.values import DrawnNumbers
from brightfield.models.loading.build import PROGRAMS, build
from brightfield.models.loading.input_sizes import sizes_of
from brightfield.models.loading.lab_code import load_post_code
from brightfield.models.loading.makeup import check_unchanged, model_digest
from brightfield.runtime.acceleration.kept_batch_sizes import KeptBatchSizes
from brightfield.runtime.examining.examine import examine
from brightfield.runtime.examining.output_read import OutputContract, ReadByCode
from brightfield.runtime.lane import Lane
from brightfield.runtime.resident import Resident, module_bytes

log = logging.getLogger(__name__)


class ModelLoader:
    """Builds, places, examines and warms up a model, and measures one that is in memory; called by
    the registry, in a thread of its own. `contracts` say what models of each task put out."""

    def __init__(
        self,
        *,
        data: Path,
        trust_model_code: bool,
        contracts: Mapping[str, OutputContract],
        batch_sizes: KeptBatchSizes,
    ) -> None:
        self._data = data
        self._trust = trust_model_code
        self._contracts = contracts
        self._batch_sizes = batch_sizes

    def __call__(self, card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        resident = self.examined(card, room)
        for note in resident.notes:
            log.warning("model %s: %s", card.id, note.detail)
        self._batch_sizes.recall(resident)
        resident.warm_up(most=1)
        return resident

    def measure(self, resident: Resident) -> None:
        """Find out what batches of a model cost, if it isn't known; it serves meanwhile."""
        resident.warm_up()
        self._batch_sizes.keep(resident)

    def examined(self, card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        """The model as it is before it was warmed up."""
        contract = self._contract(card)
        digest = model_digest(card)
        module, random = self._built(card)
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
        examine(resident, contract, random)
        return resident

    def _contract(self, card: ModelCard) -> OutputContract:
        if card.task not in self._contracts:
            known = sorted(self._contracts)
            raise InvalidCard(
                f"The card of {card.id} says task = {card.task!r}, and there is no such task."
                f"{suggestions(card.task, known)}"
            )
        contract = self._contracts[card.task]
        return contract if card.output.python is None else ReadByCode(contract)

    def _built(self, card: ModelCard) -> tuple[nn.Module, list[str]]:
        """The network, and the names of its parameters that are random."""
        drawn = DrawnNumbers()
        # A program has its weights in its file, and its reader takes no such mode.
        with nullcontext() if card.architecture.name in PROGRAMS else drawn:
            module = build(card, trust_model_code=self._trust, data=self._data)
        return module, drawn.parameters(module)
