"""Rectifiers while a network runs: every one of them, however it is called.

A `TorchFunctionMode` sees what a network calls, not how it is built: `nn.ReLU`, `F.relu`,
`torch.relu_`, a clamp and an exported program's `aten.relu_` alike. It holds in one thread alone
and leaves nothing on the modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

ReluRule = Literal["guided", "guided_uncapped"]
"""What rectifiers do to gradients other than to differentiate: `guided` backpropagation, or the
same with gradients that a cap does not stop, which shows what drives a unit that is at its cap."""

Clip = tuple[float, float]
"""A rectifier's flat ends: 0, and its cap (infinite for ReLU, 6 for ReLU6)."""

_RELU: Clip = (0.0, math.inf)
_CLIPS = ("hardtanh", "clamp", "clip", "clamp_min")


class Guided(TorchFunctionMode):
    """While it is open, rectifiers that run pass only positive gradient, later, when it comes.

    For y = min(max(x, 0), cap) the gradient by x becomes max(d / dy, 0) where 0 < x < cap, else 0;
    not `capped`, also where x >= cap.
    It is the rectifier that is guided and not its input, so other branches from x keep their
    gradients. `reached` counts the rectifiers that a gradient has come through.
    Source: Springenberg et al. 2015.
    """

    def __init__(self, *, capped: bool = True) -> None:
        super().__init__()
        self.capped = capped
        self.reached = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        clip = rectifies(func, args, kwargs)
        if clip is None or not isinstance(given := _given(args, kwargs), Tensor):
            return func(*args, **kwargs)
        if not (given.requires_grad and torch.is_grad_enabled()):
            return func(*args, **kwargs)
        run = _on_first(func, args, kwargs)
        return _GuidedRectifier.apply(given, run, clip[1] if self.capped else math.inf, self)


class _GuidedRectifier(torch.autograd.Function):
    """An autograd function, not a hook: it holds where a view is rectified in place, too."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, run: Callable[[Tensor], Tensor], cap: float, guide: Guided
    ) -> Tensor:
        y = run(x)
        if y is x:
            ctx.mark_dirty(x)
        passes = y > 0
        if cap != math.inf:
            passes &= y < cap
        ctx.save_for_backward(passes)
        ctx.guide = guide
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (passes,) = ctx.saved_tensors
        ctx.guide.reached += 1
        # Chosen and not multiplied: infinity times 0 would be NaN.
        guided = torch.where(passes, gradients[0].clamp(min=0), 0)
        return guided, None, None, None


def rectifies(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Clip | None:
    """The flat ends of a call that is 0 below 0 and the identity above it; None for all others.

    ReLU, ReLU6, and with these bounds hardtanh, clamp and threshold: functions, methods and
    operators of exported programs, in place or not.
    """
    name = getattr(func, "__name__", "").partition(".")[0].strip("_")
    if name == "relu":
        return _RELU
    if name == "relu6":
        return 0.0, 6.0
    if name == "threshold":
        bounds = _bound(args, kwargs, 1, "threshold", None), _bound(args, kwargs, 2, "value", None)
        return _RELU if bounds == (0, 0) else None
    if name not in _CLIPS:
        return None
    symmetric = name == "hardtanh"
    low = _bound(args, kwargs, 1, "min_val" if symmetric else "min", -1 if symmetric else None)
    high = _bound(args, kwargs, 2, "max_val" if symmetric else "max", 1 if symmetric else None)
    high = math.inf if high is None else high
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return (0.0, float(high)) if low == 0 < high else None


def _bound(
    args: Sequence[Any], kwargs: Mapping[str, Any], place: int, name: str, default: Any
) -> Any:
    return args[place] if len(args) > place else kwargs.get(name, default)


def _given(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if args else kwargs.get("input")


def _on_first(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[Tensor], Tensor]:
    """The call as a function of the tensor that it rectifies."""
    if args:
        return lambda x: func(x, *args[1:], **kwargs)
    return lambda x: func(**{**kwargs, "input": x})
