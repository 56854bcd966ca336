"""Whether a network's outputs stay within bounds, however sure the network is.

A softmax or sigmoid at the end is known by its name (`inspection.normalising`). Others have none:
a clamp behind it, percentages, `1 / (1 + exp(-z))`, a hard sigmoid, an interpolation of
probabilities. What they have in common is that the last weighted sum may grow, and the output
doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from brightfield.models.inspection.normalising import repeatable, scores_of
from brightfield.tensors import Images

# Calls that weigh and sum; the last one in a pass makes the scores.
_WEIGHING = frozenset((
    "linear", "bilinear", "conv1d", "conv2d", "conv3d", "convolution", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum",
    "tensordot",
))  # fmt: skip
# What the greatest sum is made: where every bounded function still bends, and sizes at whose double
# all are flat. Exponentials overflow at the first in some networks.
_MILD, _LARGE = 0.1, (40.0, 10.0)
# An output that grows by less, while the sums double, is bounded.
_GROWTH = 1.05
_NEAR = 1e-3
# Near an end is this part of the way between both, and nearly all is this share.
_OUTER, _MOST = 0.1, 0.75


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest output; `total` is the sum of each image's scores if that is the
    same for all (1 of a softmax, 100 of percentages)."""

    low: float
    high: float
    total: float | None

    @property
    def probabilities(self) -> bool:
        within = self.low >= -_NEAR and self.high <= 1 + _NEAR
        return within and (self.sums_to_one or (self.low < _OUTER and self.high > 1 - _OUTER))

    @property
    def sums_to_one(self) -> bool:
        return self.total is not None and abs(self.total - 1) < _NEAR

    @property
    def percentages(self) -> bool:
        near = abs(self.high - 100) < 0.5 or (self.total is not None and self.total > 99)
        return self.low >= -_NEAR and near and not self.probabilities

    @property
    def symmetric(self) -> bool:
        """As of scores that are capped softly, whose middle is as good as unbounded."""
        return self.high > 1 + _NEAR and abs(self.low + self.high) < _NEAR * self.high


def bounds(module: nn.Module, sample: Images) -> Bounds | None:
    """The bounds of the scores; None where there are none, or it isn't known.

    The last weighted sum of the pass is scaled up, with either sign.
    """
    try:
        with repeatable(), torch.inference_mode():
            return _bounds(module, sample)
    except Exception:  # a lab's code may raise anything, and such sums are no use to some
        return None


def _bounds(module: nn.Module, sample: Images) -> Bounds | None:
    calls = _run(module, sample, None)[1]
    if not calls:
        return None
    mild = _scores(module, sample, calls - 1, _MILD)
    grown = [_enlarged(module, sample, calls - 1, sign) for sign in (1, -1)]
    every = torch.cat([mild, *(scores for pair in grown for scores in pair)])
    if not every.isfinite().all():
        return None
    found = Bounds(float(every.min()), float(every.max()), _total(every))
    if found.probabilities and found.sums_to_one:
        return found
    if not all(_is_flat(mild, *pair) for pair in grown):
        return None
    ends = torch.cat([larger for _, larger in grown])
    return found if found.probabilities or _has_two_ends(ends, found) else None


def _has_two_ends(scores: Tensor, found: Bounds) -> bool:
    """Whether nearly all scores are near the lowest or the highest: where a gate on something else
    saturates, the scores are still as different as that."""
    extent = found.high - found.low
    if extent < _NEAR * max(1.0, abs(found.high)):
        return False
    between = torch.minimum(scores - found.low, found.high - scores) > _OUTER * extent
    return float(between.double().mean()) <= 1 - _MOST


def _enlarged(module: nn.Module, sample: Images, call: int, sign: int) -> tuple[Tensor, Tensor]:
    """The scores with a large last sum, and with one twice as large."""
    for size in _LARGE:
        found = [_scores(module, sample, call, sign * factor * size) for factor in (1, 2)]
        if all(scores.isfinite().all() for scores in found):
            break
    return found[0], found[1]


def _is_flat(mild: Tensor, large: Tensor, larger: Tensor) -> bool:
    """Whether the scores depend on the last sum, and grow no more where it does."""
    moved = (larger - mild).abs() > _NEAR * larger.abs().amax().clamp(min=_NEAR)
    if not moved.any():
        return False
    return bool(larger[moved].abs().max() <= _GROWTH * large[moved].abs().max())


def are_log_probabilities(module: nn.Module, rows: Images) -> bool:
    """Whether the exponentials of each image's scores sum to 1."""
    try:
        with repeatable(), torch.inference_mode():
            scores = scores_of(module(rows.clone()))
    except Exception:  # a lab's code may raise anything
        return False
    if not isinstance(scores, Tensor) or scores.dim() < 2 or not scores.is_floating_point():
        return False
    axis = 2 if scores.dim() == 3 else 1
    if scores.shape[axis] < 2 or float(scores.max()) > _NEAR:
        return False
    return float(scores.double().logsumexp(axis).abs().max()) < _NEAR


def _total(scores: Tensor) -> float | None:
    totals = scores.sum(1 if scores.dim() != 3 else 2)
    mean = float(totals.mean())
    return mean if float((totals - mean).abs().max()) < _NEAR * max(1.0, abs(mean)) else None


def _scores(module: nn.Module, sample: Images, call: int, size: float) -> Tensor:
    scores = scores_of(_run(module, sample, (call, size))[0])
    if not isinstance(scores, Tensor) or scores.dim() < 2:
        raise TypeError("no scores")
    return scores.double()


def _run(module: nn.Module, sample: Images, scaled: tuple[int, float] | None) -> tuple[Any, int]:
    """The output, and how many weighted sums there were."""
    with _WeightedSums(scaled) as sums:
        output = module(sample.clone())
    return output, sums.count


class _WeightedSums(TorchFunctionMode):
    """While it is open, counts weighted sums, and scales that of one number to a greatest value."""

    def __init__(self, scaled: tuple[int, float] | None) -> None:
        super().__init__()
        self.count = 0
        self._scaled = scaled

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outcome = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "").partition(".")[0].strip("_") not in _WEIGHING:
            return outcome
        number, self.count = self.count, self.count + 1
        if self._scaled is None or number != self._scaled[0] or not isinstance(outcome, Tensor):
            return outcome
        greatest = outcome.abs().amax()
        return outcome * (self._scaled[1] / greatest.clamp(min=torch.finfo(outcome.dtype).tiny))
