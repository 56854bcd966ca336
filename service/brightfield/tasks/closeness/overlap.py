"""How much masks overlap."""

from __future__ import annotations

from torch import Tensor


def least_overlap(one: Tensor, other: Tensor) -> float:
    """The least intersection over union of pairs of masks (n, h, w); 1 for a pair of empty ones,
    and without any."""
    if not len(one):
        return 1.0
    both = (one & other).flatten(1).sum(1).double()
    either = (one | other).flatten(1).sum(1).double()
    return float((both / either.clamp(min=1)).where(either > 0, 1.0).min())
