"""Which forward pass a score is taken from."""

from __future__ import annotations

from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.targets import Kind


def scoring_pass(resident: Resident, kind: Kind) -> Forward:
    """The pass whose output holds scores of a kind, before the card's activation.

    A logit is never normalised: a softmax or sigmoid at the model's end is left out. A probability
    is normalised once: by the model's own end, unless the card's activation does it; so is one that
    a similarity is made of.
    """
    normalised_later = kind == "logit" or resident.card.output.activation != "none"
    return Forward(resident.cut if normalised_later else None)
