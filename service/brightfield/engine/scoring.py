"""Which pass of a model a score, or what a task reads, is taken from."""

from __future__ import annotations

from typing import NamedTuple

from brightfield.models.inspection.layers import resolve
from brightfield.runtime.acceleration.wanted import ANY, Wanted
from brightfield.runtime.operations import Activations, Forward, Operation
from brightfield.runtime.resident import Resident
from brightfield.targets import Kind


def scoring_pass(resident: Resident, kind: Kind) -> Forward:
    """The pass whose output holds scores of a kind, before the card's activation.

    A logit is never normalised: a softmax or sigmoid at the model's end is left out. A probability
    is normalised once: by the model's own end, unless the card's activation does it; so is one that
    a similarity is made of. It is the model itself that runs: explanations look at it.
    """
    if kind == "logit":
        return Forward(resident.cut)
    return Forward(resident.scores)


class ScoringPasses(NamedTuple):
    """The model's own pass for scores, and one of another backend with the same output, in fp32."""

    own: Forward
    quick: Forward | None = None


def scoring_passes(resident: Resident, kind: Kind, wanted: Wanted = ANY) -> ScoringPasses:
    """The passes for scores of a kind; the second one where there is one, and it is `wanted`."""
    own, fast = scoring_pass(resident, kind), resident.accelerated
    if fast is None or not fast.usable or fast.precision != "fp32" or own.cut != resident.scores:
        return ScoringPasses(own)
    return ScoringPasses(own, fast if wanted.allows(fast.backend, fast.precision) else None)


def reading_pass(
    resident: Resident, layer: str | None, wanted: Wanted = ANY, *, raw: bool = False
) -> Operation:
    """The pass whose output is that of a layer, as (B, K) or maps (B, C, h, w), or `raw`, as it is;
    None: the model's scores. Layers are read in the model itself, but for feature vectors that
    another backend puts out as exactly.

    Raises `UnknownLayer` with the nearest names for a name that isn't there, and `InvalidParameter`
    for a backend or a precision that can't read it.
    """
    if layer is None:
        return resident.predicting(wanted)
    tap = resolve(resident.module, layer, resident.card.explain)
    own = Activations(tap) if raw else Activations(tap, resident.layouts, strict=True)
    return resident.reading(own, wanted)
