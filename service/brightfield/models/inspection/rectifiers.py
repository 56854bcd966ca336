"""Rectifiers while a network runs: every one of them, however it is called.

A `TorchFunctionMode` sees what a network calls, not how it is built: `nn.ReLU`, `F.relu`,
`torch.relu_`, a clamp, a product with a mask and an exported program's `aten.relu_` alike. It holds
in one thread alone and leaves nothing on the modules. What runs out of its sight is found in
autograd's graph.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from brightfield.models.inspection.composite_rectifiers import composite
from brightfield.models.inspection.paths import ancestors, operation

ReluRule = Literal["guided", "guided_uncapped"]
"""What rectifiers do to gradients other than to differentiate: `guided` backpropagation, or the
same with gradients that a cap does not stop, which shows what drives a unit that is at its cap."""

Clip = tuple[float, float]
"""A rectifier's flat ends: 0, and its cap (infinite for ReLU, 6 for ReLU6)."""

_RELU: Clip = (0.0, math.inf)
_CLIPS = ("hardtanh", "clamp", "clip", "clamp_min")
# Of autograd's operations, what has the lower bound of those that rectify if it is 0.
_BOUNDS = {
    "Threshold": "_saved_threshold", "Hardtanh": "_saved_min_val", "Clamp": "_saved_min",
    "ClampMin": "_saved_min", "LeakyRelu": "_saved_negative_slope",
}  # fmt: skip
# Activations that aren't rectifiers, and what may contain one that isn't seen.
_OTHERS = {
    "LeakyRelu": "leaky_relu", "Prelu": "prelu", "PreluKernel": "prelu", "Elu": "elu",
    "RreluWithNoise": "rrelu", "Gelu": "gelu", "Silu": "silu", "Mish": "mish",
    "Hardswish": "hardswish", "Softplus": "softplus", "Celu": "celu", "Selu": "selu",
    "Where": "where", "Maximum": "maximum", "MaskedFill": "masked_fill",
    "DifferentiableGraph": "TorchScript", "CompiledFunction": "compiled code",
}  # fmt: skip
# Of these, those that are named although a call was seen: it is no rectifier.
_NEVER = frozenset(_OTHERS) - {"Where", "Maximum", "MaskedFill"}


class Guided(TorchFunctionMode):
    """While it is open, rectifiers that run pass only positive gradient, later, when it comes.

    For y = min(max(x, 0), cap) the gradient by x becomes max(d / dy, 0) where 0 < x < cap, else 0;
    not `capped`, also where x >= cap.
    It is the rectifier that is guided and not its input, so other branches from x keep their
    gradients. `follow` reaches those that no function call shows. `reached` counts the rectifiers
    that a gradient has come through, `missed` has the names of activations that it came through
    and that follow no rule: other functions, and what may be a rectifier and isn't known to be.
    Source: Springenberg et al. 2015.
    """

    def __init__(self, *, capped: bool = True) -> None:
        super().__init__()
        self.capped = capped
        self.reached = 0
        self.missed: dict[str, None] = {}
        self._judged: set[Any] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not torch.is_grad_enabled():
            return func(*args, **kwargs)
        clip, given = rectifies(func, args, kwargs), _given(args, kwargs)
        if clip is not None and isinstance(given, Tensor) and given.requires_grad:
            cap = clip[1] if self.capped else math.inf
            return _GuidedRectifier.apply(given, _on_first(func, args, kwargs), cap, 1.0, self)
        found = composite(_name(func), func, args, kwargs)
        if found is None:
            outcome = func(*args, **kwargs)
            if isinstance(outcome, Tensor):
                self._judged.add(outcome.grad_fn)
            return outcome
        return _GuidedRectifier.apply(found.given, found.run, math.inf, found.scale, self)

    def follow(self, scores: Tensor) -> None:
        """Guide the rectifiers between the image and some scores that ran where no function mode
        looks: in TorchScript and in C++, and a lab's own autograd functions."""
        for node in ancestors(scores.grad_fn):
            name = operation(node)
            if isinstance(node, torch.autograd.function.BackwardCFunction):
                if name != _GuidedRectifier.__name__:
                    _OwnFunction(self, node, name)
            elif node in self._judged and name not in _NEVER:
                continue
            elif _rectifies_backward(name, node):
                node.register_prehook(self._guide)
            elif name in _OTHERS:
                node.register_prehook(partial(self._miss, _OTHERS[name]))
        # A graph that has this, which has the graph, would never be freed.
        self._judged.clear()

    def _guide(self, gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        self.reached += 1
        return tuple(gradient.clamp(min=0) for gradient in gradients)

    def _miss(self, name: str, gradients: Sequence[Tensor]) -> None:
        self.missed[name] = None


class _GuidedRectifier(torch.autograd.Function):
    """An autograd function, not a hook: it holds where a view is rectified in place, too."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        run: Callable[[Tensor], Tensor],
        cap: float,
        scale: float,
        guide: Guided,
    ) -> Tensor:
        y = run(x)
        if y is x:
            ctx.mark_dirty(x)
        passes = y > 0
        if cap != math.inf:
            passes &= y < cap
        ctx.save_for_backward(passes)
        ctx.guide, ctx.scale = weakref.ref(guide), scale
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        (passes,) = ctx.saved_tensors
        if (guide := ctx.guide()) is not None:
            guide.reached += 1
        # Chosen and not multiplied: infinity times 0 would be NaN.
        guided = torch.where(passes, gradients[0].clamp(min=0) * ctx.scale, 0)
        return guided, None, None, None, None


class _OwnFunction:
    """A lab's own autograd function: a rectifier if it passes gradient where a tensor that it
    saved, such as its input, is positive, and stops it elsewhere."""

    def __init__(self, guide: Guided, node: Any, name: str) -> None:
        self._guide, self._name = guide, name
        self._saved: Sequence[Tensor] = ()
        node.register_prehook(partial(self._before, node))
        node.register_hook(self._after)

    def _before(self, node: Any, gradients: Sequence[Tensor | None]) -> None:
        saved = getattr(node, "saved_tensors", ())  # those of a graph that was freed are gone
        self._saved = [one for one in saved if isinstance(one, Tensor) and one.is_floating_point()]

    def _after(
        self, before: Sequence[Tensor | None], gradients: Sequence[Tensor | None]
    ) -> tuple[Tensor | None, ...] | None:
        given = gradients[0] if len(gradients) == 1 else None
        passed = [one for one in before if one is not None]
        if given is None or len(passed) != 1 or passed[0].shape != given.shape:
            return None
        moves = given != 0
        through, stopped = (passed[0] == given) & moves, (passed[0] == 0) & moves
        if not stopped.any() or not (through | stopped | ~moves).all():
            return None
        for saved in self._saved:
            if saved.shape == given.shape and torch.equal(through, (saved > 0) & moves):
                self._guide.reached += 1
                guided = torch.where(saved > 0, given.clamp(min=0), 0)
                return tuple(None if one is None else guided for one in before)
        self._guide.missed[self._name] = None
        return None


def _rectifies_backward(name: str, node: Any) -> bool:
    """Whether an operation of autograd's graph is a rectifier's."""
    if name in ("Relu", "Relu6"):
        return True
    bound = _BOUNDS.get(name)
    low = None if bound is None else getattr(node, bound, None)
    high = getattr(node, "_saved_max", getattr(node, "_saved_max_val", None))
    return isinstance(low, int | float) and low == 0 and (high is None or high > 0)


def rectifies(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Clip | None:
    """The flat ends of a call that is 0 below 0 and the identity above it; None for all others.

    ReLU, ReLU6, and with these bounds hardtanh, clamp and threshold: functions, methods and
    operators of exported programs, in place or not.
    """
    name = _name(func)
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


def _name(func: Callable[..., Any]) -> str:
    """Such as `relu`, of `relu_` and of an exported program's `relu.default`."""
    return getattr(func, "__name__", "").partition(".")[0].strip("_")


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
