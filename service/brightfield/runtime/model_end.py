"""How a loaded model ends: in a softmax or sigmoid of its own, or in scores for the card's."""

from __future__ import annotations

from typing import Literal

import torch

from brightfield.errors import InvalidCard
from brightfield.images.picture import Note
from brightfield.models.examination.saturation import Bounds, are_log_probabilities, bounds
from brightfield.models.inspection.normalising import (
    Cut,
    NormalisingEnd,
    Paired,
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


def find_end(
    resident: Resident, image: Images | None = None, smaller: Images | None = None
) -> str | None:
    """Let the model be normalised once: set the resident's `cut`, `scores`, `normalised` and
    `notes`; returns what the network does with its output itself, in words, if it does anything.

    Runs on the lane. The model's own softmax or sigmoid counts, and so does whatever else keeps
    its output between 0 and 1. If the card's activation stands for the same, the card's is applied
    to the output before it; otherwise the card's is not applied, and a note says so. One output
    with two labels is the logit of the second. `image` is what is looked at (default: noise), and
    `smaller` what is looked at often (default: the same).

    Raises `InvalidCard` where no activation makes the model's output out of anything, or makes
    nothing of it.
    """
    if resident.card.output.scale is not None:  # what it puts out are pixels
        return None
    if image is None:
        image = torch.randn(1, *resident.shape, generator=torch.Generator().manual_seed(0))
    sample = resident.place(image)
    end, words = normalising_end(resident.module, sample), None
    if end is None:
        end, words = _unnamed_end(resident, sample if smaller is None else resident.place(smaller))
    if end is not None:
        resident.cut, resident.normalised = end.cut, end.cut is None
        if resident.card.output.activation != "none":
            _reconcile(resident, sample, end, resident.card.output.activation)
    _share_out(resident, sample, end)
    return words if end is None else end.words


def _unnamed_end(resident: Resident, images: Images) -> tuple[NormalisingEnd | None, str | None]:
    """The end of a network that has no name, known by its outputs; in words, if it is no
    normalisation."""
    limits = bounds(resident.module, images[:1])
    if limits is None:
        logarithms = are_log_probabilities(resident.module, images)
        return NormalisingEnd("log_softmax", None, named=False) if logarithms else None, None
    if limits.probabilities:
        kind: CardActivation = "softmax" if limits.sums_to_one else "sigmoid"
        return NormalisingEnd(kind, None, named=False), None
    words = f"keeps its scores between {limits.low:g} and {limits.high:g} whatever the image"
    _take_bounds(resident, limits, words)
    return None, words


def _take_bounds(resident: Resident, limits: Bounds, words: str) -> None:
    """Of scores that are bounded and no probabilities."""
    card = resident.card
    applies = card.output.activation != "none"
    if limits.percentages and applies:
        raise InvalidCard(
            f"The network of {card.id} puts out percentages, and its card applies a "
            f"{card.output.activation} to them; leave both the factor and the normalisation out of "
            'the network, or set output.activation = "none".'
        )
    if limits.symmetric:  # scores that are capped softly bend far from where they are used
        return
    resident.normalised = True
    if applies:
        said = f"The network {words}, and the card's activation ({card.output.activation}) is "
        note = Note("bounded_output", said + "applied to them: leave one of the two out.")
        resident.notes = (*resident.notes, note)


def _reconcile(
    resident: Resident, sample: Images, end: NormalisingEnd, activation: CardActivation
) -> None:
    """The card's activation after the model's own end."""
    if _gives(resident, sample, end, end.cut, activation):
        resident.scores = end.cut
        return
    undo = Undo(activation, _channels(resident, sample))
    if not end.kind.startswith("log_") and _gives(resident, sample, end, undo, activation):
        resident.scores = undo
        resident.notes = (*resident.notes, _applied_once(end, activation))
        return
    own: CardActivation = "softmax" if end.kind.endswith("softmax") else "sigmoid"
    _contradict(resident, end, activation)
    activated = _gives(resident, sample, end, end.cut, own)
    resident.card = resident.card.read_with(own if activated else "none")
    resident.scores = end.cut if activated else None
    resident.notes = (*resident.notes, _applied_once(end, activation))


def _share_out(resident: Resident, sample: Images, end: NormalisingEnd | None) -> None:
    """One score per image: for two labels it becomes two, for one it needs no softmax."""
    card = resident.card
    scores = scores_of(output_of(resident.module, sample, None))
    if card.task != "classify" or not isinstance(scores, torch.Tensor) or scores.dim() != 2:
        return
    if scores.shape[1] != 1:
        return
    if card.output.activation == "softmax":
        raise InvalidCard(
            f"The network of {card.id} has one output, which a softmax makes 1 whatever the image; "
            'set output.activation = "sigmoid" on the card. With two labels the output is the '
            "logit of the second."
        )
    if len(card.label_names) != 2:
        return
    if end is not None and card.output.activation == "none":
        resident.card = card.read_with("sigmoid")
        resident.scores = end.cut or Undo("sigmoid")
    resident.scores = Paired(_single(resident.scores))
    if not resident.normalised:
        resident.cut = Paired(_single(resident.cut))


def _single(rewrite: Rewrite | None) -> Cut | Undo | None:
    assert not isinstance(rewrite, Paired)
    return rewrite


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
            f"The network of {card.id} {end.words}, and its card says "
            f'activation = "{activation}"; set the card\'s output.activation to what the network '
            "does, or leave the end out of the network."
        )


def _applied_once(end: NormalisingEnd, activation: CardActivation) -> Note:
    return Note(
        "normalised_by_model",
        f"The network {end.words}, so the card's activation "
        f"({activation}) isn't applied: the scores are what the network puts out.",
    )
