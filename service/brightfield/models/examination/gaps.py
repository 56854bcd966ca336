"""How far two outputs of one network for the same images are from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


@dataclass(frozen=True, slots=True)
class Gap:
    """One measure of how far apart two outputs are, and how far they may be.

    A value that isn't a number holds no limit. With `at_least` the value must reach the limit, as a
    similarity does, and must not pass it otherwise.
    """

    measure: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def worst(gaps: Iterable[Gap]) -> Sequence[Gap]:
    """The largest gap of each measure, in the order in which they first come."""
    found: dict[str, Gap] = {}
    for gap in gaps:
        kept = found.setdefault(gap.measure, gap)
        further = gap.value < kept.value if gap.at_least else gap.value > kept.value
        if further or gap.value != gap.value:
            found[gap.measure] = gap
    return list(found.values())


def relative_gap(expected: Any, found: Any, limit: float) -> Gap:
    """The largest difference of two outputs' numbers as a share of the largest magnitude of their
    tensor; infinite where they have other forms, or where only one has a number."""
    measure = Gap("largest difference, as a share of the largest value", float("inf"), limit)
    one, other = pytree.tree_leaves(expected), pytree.tree_leaves(found)
    if len(one) != len(other):
        return measure
    return replace(
        measure, value=max((_share(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    )


def _share(one: Any, other: Any) -> float:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return 0.0 if type(one) is type(other) else float("inf")
    if one.shape != other.shape or not torch.equal(one.isfinite(), other.isfinite()):
        return float("inf")
    if not one.numel():
        return 0.0
    one, other = (each.double().nan_to_num(0.0, 0.0, 0.0) for each in (one, other))
    return float((one - other).abs().max()) / max(float(one.abs().max()), 1e-12)
