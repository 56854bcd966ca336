"""How a loaded model ends: in a softmax or sigmoid of its own, or in scores for the card's."""

from __future__ import annotations

from typing import Literal

import torch

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.images.picture import Note
from brightfield.models.inspection.normalising import (
    NormalisingEnd,
    Rewrite,
    Undo,
    applied,
    normalising_end,
    output_of,
    same,
    scores_of,
)
from brightfield.runtime.resident import Resident
from brightfield.tensors import Images

CardActivation = Literal["softmax", "sigmoid"]


def find_end(resident: Resident) -> None:
    """Let the model be normalised once: set the resident's `cut`, `normalised`, `undo` and `notes`.

    Runs on the lane. The model's own softmax or sigmoid counts. If the card's activation stands
    for the same, the card's is applied to the output before it; otherwise the card's is not
    applied, and a note says so.

    Raises `InvalidCard` where no activation makes the model's output out of anything.
    """
    if resident.card.output.scale is not None:  # what it puts out are pixels
        return
    noise = torch.randn(1, *resident.shape, generator=torch.Generator().manual_seed(0))
    sample = resident.place(noise)
    end = normalising_end(resident.module, sample)
    if end is None:
        return
    resident.cut, resident.normalised = end.cut, end.cut is None
    activation = resident.card.output.activation
    if activation != "none":
        _reconcile(resident, sample, end, activation)


def _reconcile(
    resident: Resident, sample: Images, end: NormalisingEnd, activation: CardActivation
) -> None:
    """The card's activation after the model's own end."""
    if _gives(resident, sample, end, end.cut, activation):
        return
    undo = Undo(activation, _channels(resident, sample))
    if not end.kind.startswith("log_") and _gives(resident, sample, end, undo, activation):
        resident.undo = undo
        resident.notes = (*resident.notes, _applied_once(end, activation))
        return
    own: CardActivation = "softmax" if end.kind.endswith("softmax") else "sigmoid"
    _contradict(resident, end, activation)
    activated = end.cut is not None and _gives(resident, sample, end, end.cut, own)
    resident.card = _with_activation(resident.card, own if activated else "none")
    resident.notes = (*resident.notes, _applied_once(end, activation))


def _gives(
    resident: Resident,
    sample: Images,
    end: NormalisingEnd,
    rewrite: Rewrite | None,
    activation: CardActivation,
) -> bool:
    """Whether the activation of the rewritten network's output is what the model puts out (of a
    logarithm, its exponential)."""
    if rewrite is None and not end.kind.startswith("log_"):
        return False
    module = resident.module
    expected = scores_of(output_of(module, sample, None))
    if end.kind.startswith("log_"):
        expected = expected.exp()
    found = scores_of(output_of(module, sample, rewrite))
    count = _channels(resident, sample)
    if count is None:
        return same(applied(activation, found), expected)
    parts = [applied(activation, found[:, :count]), found[:, count:]]
    return same(torch.cat(parts, dim=1), expected)


def _channels(resident: Resident, sample: Images) -> int | None:
    """How many of the maps stand for classes, if others come behind them; None: all do."""
    card, output = resident.card, output_of(resident.module, sample, None)
    maps = isinstance(output, torch.Tensor) and output.dim() == 4
    count = len(card.label_names) + (card.output.activation == "softmax")
    return count if maps and 0 < count < output.shape[1] else None


def _contradict(resident: Resident, end: NormalisingEnd, activation: CardActivation) -> None:
    """Of a model that finds places an activation also says which map is the background."""
    card = resident.card
    if card.task != "classify":
        raise InvalidCard(
            f"The network of {card.id} ends in a {_written(end)}, and its card says "
            f'activation = "{activation}"; set the card\'s output.activation to what the network '
            "does, or leave the end out of the network."
        )


def _with_activation(card: ModelCard, activation: str) -> ModelCard:
    output = card.output.model_copy(update={"activation": activation})
    return card.model_copy(update={"output": output})


def _applied_once(end: NormalisingEnd, activation: CardActivation) -> Note:
    return Note(
        "normalised_by_model",
        f"The network ends in a {_written(end)} of its own, so the card's activation "
        f"({activation}) isn't applied: the scores are what the network puts out.",
    )


def _written(end: NormalisingEnd) -> str:
    return end.kind.replace("_", " ")
