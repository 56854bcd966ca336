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
# What the greatest sum is made: where every bounded function still bends, and twice where all are
# flat. The exponential of the largest is finite in float32.
_MILD, _LARGE, _LARGER = 1.0, 40.0, 80.0
# An output that grows by less, while the sums double, is bounded.
_GROWTH = 1.05
_NEAR = 1e-3


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest output; `total` is the sum of each image's scores if that is the
    same for all (1 of a softmax, 100 of percentages)."""

    low: float
    high: float
    total: float | None

    @property
    def probabilities(self) -> bool:
        return self.low >= -_NEAR and self.high <= 1 + _NEAR

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

    The last weighted sum of the pass is scaled up to 40 and 80, with either sign.
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
    outputs = [mild]
    for sign in (1, -1):
        large, larger = (_scores(module, sample, calls - 1, sign * size)
                         for size in (_LARGE, _LARGER))  # fmt: skip
        if not (large.isfinite().all() and larger.isfinite().all()):
            return None
        moved = (larger - mild).abs() > _NEAR * larger.abs().amax().clamp(min=_NEAR)
        if not moved.any():  # it isn't on the way to the scores, or they don't depend on its scale
            return None
        if larger[moved].abs().max() > _GROWTH * large[moved].abs().max():
            return None
        outputs += [large, larger]
    every = torch.cat(outputs)
    return Bounds(float(every.min()), float(every.max()), _total(every))


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
