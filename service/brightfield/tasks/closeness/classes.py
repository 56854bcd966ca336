"""Agreement of class scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brightfield.cards import ModelCard
from brightfield.models.examination.gaps import Gap
from brightfield.tasks.targets.labels import class_scores
from brightfield.tensors import Logits


def compared_classes(expected: Logits, found: Logits, card: ModelCard) -> Sequence[Gap]:
    """The largest difference of a score (as the card's activation gives it), at most the card's
    tolerance; and the share of images with the same first class, which must be all.

    Scores without an activation are compared as shares of the largest one.
    """
    one, other = class_scores(expected, card), class_scores(found, card)
    unit = 1.0
    if card.output.activation == "none":
        unit = max(float(np.abs(one).max(initial=0.0)), 1e-12)
    difference = float(np.abs(one - other).max(initial=0.0)) / unit
    same = float((one.argmax(1) == other.argmax(1)).mean())
    return (
        Gap("largest difference of a score", difference, card.inference.tolerance),
        Gap("images with the same first class", same, 1.0, at_least=True),
    )
