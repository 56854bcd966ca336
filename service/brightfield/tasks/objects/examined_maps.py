"""Whether a segmenter's maps are what its card says they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.images.picture import Note
from brightfield.models.architecture import Candidates
from brightfield.models.examination.outputs import described
from brightfield.tasks.objects.tiled_candidates import columns_misfit

# What the card's instance step reads: the label, and nearness to the middle.
_INSTANCE_MAPS = 2
# Maps may be coarser than the image, by about as much down as across.
_SKEWED = 2.0


def class_maps(card: ModelCard) -> int:
    """Maps that stand for classes; under softmax the first is the background's."""
    return len(card.label_names) + (card.output.activation == "softmax")


def needed_maps(card: ModelCard) -> int:
    """The least number of maps for the card's labels, and for what tells objects apart."""
    classes = class_maps(card)
    return classes if card.output.instances is None else max(_INSTANCE_MAPS, classes)


def examined_maps(output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
    """What callers should know of a segmenter that puts out this for an image of `shape`.

    Raises `InvalidCard` for what isn't maps (B, C, h, w) or candidates with masks, and for other
    classes than the card's.
    """
    if isinstance(output, Candidates):
        _check_candidates(output, card)
        return ()
    if not isinstance(output, Tensor) or output.dim() != 4:
        raise InvalidCard(
            f"The model {card.id} segments, so its network should put out maps (images, maps, "
            f"height, width); it puts out {described(output)}."
        )
    down, across = output.shape[2] / shape[1], output.shape[3] / shape[2]
    if max(down, across) > _SKEWED * min(down, across):
        raise InvalidCard(
            f"The network of {card.id} puts out {described(output)} for an image of {shape[1]} x "
            f"{shape[2]}: maps should be (images, maps, height, width); of (images, height, width, "
            "maps) make it with .permute(0, 3, 1, 2)."
        )
    return _counted(output.shape[1], card)


def _check_candidates(candidates: Candidates, card: ModelCard) -> None:
    if candidates.masks is None:
        raise InvalidCard(
            f'The model {card.id} finds boxes and no masks; set task = "detect" on its card.'
        )
    if (misfit := columns_misfit(candidates, card)) is not None:
        raise InvalidCard(misfit)


def _counted(maps: int, card: ModelCard) -> Sequence[Note]:
    needed = needed_maps(card)
    if maps < needed:
        raise InvalidCard(
            f"The card of {card.id} needs {needed} maps ({_meaning(card)}), and its network puts "
            f"out {maps}.{_hint(maps, card)}"
        )
    if card.output.instances is not None and card.output.activation == "softmax":
        raise InvalidCard(
            f"output.instances of {card.id} reads its first map as the label's, which a softmax "
            'makes the background\'s; set output.activation = "sigmoid".'
        )
    if maps == needed:
        return ()
    return (
        Note(
            "unused_outputs",
            f"The network puts out {maps} maps, and the card speaks of the first {needed} "
            f"({_meaning(card)}); the others count for nothing.",
        ),
    )


def _meaning(card: ModelCard) -> str:
    labels = len(card.label_names)
    if card.output.instances is not None:
        return "the label's and how near a pixel is to the middle of its object"
    if card.output.activation == "softmax":
        return f"the background's first, then one for each label: {1 + labels}"
    return f"one for each label: {labels}"


def _hint(maps: int, card: ModelCard) -> str:
    if card.output.activation != "softmax" or card.output.instances is not None:
        return ""
    if maps == len(card.label_names):
        return (
            ' If none of the maps is the background\'s, set output.activation = "sigmoid"; if the '
            "first one is, don't name it among the labels."
        )
    return ""
