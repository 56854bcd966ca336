"""The classes of a model: their labels and ids, and the scores that an output gives them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, UnknownTarget, nearest
from brightfield.outages import ModelFailed
from brightfield.tensors import Logits

# No model has as many classes as a number this long; Python refuses to read much longer ones.
_DIGITS = 10


def activate(logits: Logits, card: ModelCard) -> torch.Tensor:
    """From logits to scores, by the card's activation."""
    match card.output.activation:
        case "softmax":
            return logits.softmax(dim=1)
        case "sigmoid":
            return logits.sigmoid()
        case _:
            return logits


def class_scores(output: Any, card: ModelCard) -> NDArray[np.float32]:
    """The activated scores (n, K) of a model's output.

    `activate` in NumPy: this runs on the event loop's thread, where every call of PyTorch would
    let go of the interpreter's lock and wait for it again.
    """
    logits = checked(output, card)
    values: NDArray[np.float32] = (
        logits if logits.dtype == torch.float32 else logits.float()
    ).numpy()
    match card.output.activation:
        case "softmax":
            with np.errstate(invalid="ignore"):  # an infinite logit; `_numbers` finds it
                raised: NDArray[np.float32] = np.exp(values - values.max(axis=1, keepdims=True))
            raised /= raised.sum(axis=1, keepdims=True)
            return _numbers(raised, card)
        case "sigmoid":
            return _numbers(np.asarray(scipy.special.expit(values)), card)
        case _:
            return _numbers(values, card)


def _numbers(scores: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """The scores, if all are numbers; an infinite logit becomes NaN in a softmax.

    The maximum is NaN if any of them is.
    """
    if scores.size and math.isnan(scores.max()):
        raise ModelFailed(
            f"The model {card.id} has NaN among its outputs, or infinity before a softmax."
        )
    return scores


def checked(output: Any, card: ModelCard) -> Logits:
    """The output, if it is one row of class scores per image (as many as the card has labels)."""
    labels = len(card.label_names)
    if not isinstance(output, torch.Tensor) or output.dim() != 2:
        raise ModelFailed(
            f"The model {card.id} isn't a classifier: its output is not (batch, classes)."
        )
    if labels and output.shape[1] != labels:
        raise ModelFailed(
            f"The card of {card.id} names {labels} labels, and the model has {output.shape[1]} "
            "outputs."
        )
    return output


def best_first(scores: NDArray[np.float32], count: int) -> list[int]:
    """The classes of the `count` best scores (K,), equal ones in the order of their ids.

    Few of many are found without sorting all.
    """
    among = np.arange(len(scores))
    if 0 < 4 * count <= len(scores):
        among = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    found: list[int] = among[(-scores[among]).argsort(kind="stable")[:count]].tolist()
    return found


def label(index: int, card: ModelCard) -> str:
    names = card.label_names
    return names[index] if names else str(index)


def class_id(name: str, card: ModelCard, count: int) -> int:
    """The class of a label or an id written in digits. Raises `InvalidParameter`."""
    try:
        return find_class(name, card, count)
    except UnknownTarget as fault:
        raise InvalidParameter(fault.detail) from None


def find_class(name: str, card: ModelCard, count: int) -> int:
    """The class of a label or an id written in digits. Raises `UnknownTarget`."""
    names = card.label_names
    if name in names:
        return names.index(name)
    similar = [i for i, known in enumerate(names) if known.casefold() == name.casefold()]
    if len(similar) == 1:
        return similar[0]
    if similar:
        raise UnknownTarget(
            f"{name!r} may be {' or '.join(names[i] for i in similar)}; write which."
        )
    if name.isdecimal() and len(name) < _DIGITS and int(name) < count:
        return int(name)
    hint = nearest(name, names) or f" Class ids go from 0 to {count - 1}."
    raise UnknownTarget(f"The model {card.id} has no class {name!r}.{hint}")
