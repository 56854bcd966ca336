"""Agreement of a segmenter's maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.models.examination.gaps import Gap
from brightfield.tasks.closeness.overlap import least_overlap
from brightfield.tasks.objects.examined_maps import class_maps
from brightfield.tasks.objects.instances import instances
from brightfield.tasks.targets.labels import activate

_THRESHOLD = 0.5
# Least intersection over union of each class' mask, and share of objects that are found again.
_OVERLAP = 0.99
_AGAIN = 0.99


def compared_maps(expected: Tensor, found: Tensor, card: ModelCard) -> Sequence[Gap]:
    """The largest difference of a class' probability, the least overlap of a class' mask over all
    images, and the share of objects that are found again, of models that tell them apart.

    A mask is where the class is the most probable one, or reaches the card's threshold.
    """
    maps = [_activated(each, card) for each in (expected, found)]
    classes = [each[:, : class_maps(card)] for each in maps]
    difference = float((classes[0] - classes[1]).abs().max())
    overlap = least_overlap(_masks(classes[0], card), _masks(classes[1], card))
    gaps = [
        Gap("largest difference of a probability", difference, 1.0),
        Gap("least overlap of masks", overlap, _OVERLAP, at_least=True),
    ]
    if card.output.instances is not None:
        again = _again(maps[0].numpy(), maps[1].numpy(), card)
        gaps.append(Gap("objects that are found again", again, _AGAIN, at_least=True))
    return gaps


def _activated(output: Tensor, card: ModelCard) -> Tensor:
    """Probabilities of the classes, and the other maps as they are."""
    count = class_maps(card)
    return torch.cat([activate(output[:, :count].float(), card), output[:, count:].float()], 1)


def _masks(classes: Tensor, card: ModelCard) -> Tensor:
    """(K, h, w) of all images, one below the other."""
    if card.output.activation == "softmax":
        best = classes.argmax(1)
        masks = torch.stack([best == index for index in range(classes.shape[1])])
    else:
        masks = (classes >= _threshold(card)).transpose(0, 1)
    return masks.flatten(1, 2)


def _again(expected: NDArray[np.float32], found: NDArray[np.float32], card: ModelCard) -> float:
    """The share of the objects in either of two sets of maps that overlap one of the other set by
    more than half; 1 without objects."""
    again = total = 0
    assert card.output.instances is not None
    for one, other in zip(expected, found, strict=True):
        labels = [
            instances(maps, card.output.instances, threshold=_threshold(card))[0]
            for maps in (one, other)
        ]
        counts = np.zeros((labels[0].max() + 1, labels[1].max() + 1))
        np.add.at(counts, (labels[0].ravel(), labels[1].ravel()), 1)
        either = counts.sum(1, keepdims=True) + counts.sum(0, keepdims=True) - counts
        again += 2 * int((counts / np.maximum(either, 1) > 0.5)[1:, 1:].sum())
        total += sum(counts.shape) - 2
    return again / total if total else 1.0


def _threshold(card: ModelCard) -> float:
    return _THRESHOLD if card.output.threshold is None else card.output.threshold
