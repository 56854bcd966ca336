"""Rectifiers that are put together: a choice, a product with a mask, a maximum with zero.

`torch.where(y > 0, y, 0)`, `y * (y > 0)`, `torch.maximum(y, zeros)`, `y[y < 0] = 0` and
`y + y.abs()` are rectifiers by what they do, whatever they are called. A call is known as one if it
gives max(y, 0) for the values at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

# Calls that may rectify, without the underscores round their names.
_BY_ZERO = frozenset(("maximum", "max", "fmax", "clamp", "clip", "clamp_min"))
_BY_SLOPE = frozenset(("leaky_relu", "prelu", "rrelu"))
_BY_MASK = frozenset((
    "where", "mul", "multiply", "rmul", "imul", "masked_fill", "setitem", "index_put",
    "masked_scatter",
))  # fmt: skip
_BY_SUM = frozenset(("add", "radd", "iadd"))


class Composite(NamedTuple):
    """The tensor that a call rectifies, the call as a function of it, and what it is scaled by."""

    given: Tensor
    run: Callable[[Tensor], Tensor]
    scale: float


def composite(
    name: str, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Composite | None:
    """A call as a rectifier; None for what is none, or may be something else.

    Other tensors of the call must not need a gradient. A call whose result is its input all over
    counts only if it chooses by a mask of the input's sign, or compares with zeros.
    """
    if name in _BY_SUM:
        return _with_its_magnitude(args)
    if name not in _BY_ZERO | _BY_SLOPE | _BY_MASK:
        return None
    tensors = [leaf for leaf in pytree.tree_leaves((args, dict(kwargs))) if _is_tensor(leaf)]
    moving = {id(leaf): leaf for leaf in tensors if leaf.requires_grad}
    if len(moving) != 1:
        return None
    (given,) = moving.values()
    others = [leaf for leaf in tensors if leaf is not given]
    if not given.is_floating_point() or not (others or name in _BY_SLOPE):
        return None
    run = _of(given, func, args, kwargs)
    if not _rectified(given, run) or (
        bool((given >= 0).all()) and not _by_sign(name, given, others)
    ):
        return None
    return Composite(given, run, 1.0)


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, Tensor)


def _of(
    given: Tensor, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[Tensor], Tensor]:
    """The call as a function of one of its tensors; what returns nothing writes into it."""

    def run(x: Tensor) -> Tensor:
        put = pytree.tree_map_only(
            Tensor, lambda leaf: x if leaf is given else leaf, (tuple(args), dict(kwargs))
        )
        outcome = func(*put[0], **put[1])
        result: Tensor = x if outcome is None else outcome
        return result

    return run


def _rectified(given: Tensor, run: Callable[[Tensor], Tensor]) -> bool:
    with torch.no_grad():
        try:
            found = run(given.detach().clone())
        except RuntimeError:  # the call itself will raise the same
            return False
        return (
            isinstance(found, Tensor)
            and found.shape == given.shape
            and found.dtype == given.dtype
            and torch.equal(found, given.clamp(min=0))
        )


def _by_sign(name: str, given: Tensor, others: Sequence[Tensor]) -> bool:
    if name in _BY_SLOPE:
        return True
    if name in _BY_ZERO:
        return all(not other.any() for other in others)
    masks = [other for other in others if other.dtype == torch.bool]
    signs = given > 0, given >= 0, given <= 0, given < 0
    return any(
        mask.shape == given.shape and any(torch.equal(mask, sign) for sign in signs)
        for mask in masks
    )


def _with_its_magnitude(args: Sequence[Any]) -> Composite | None:
    """y + |y| = 2 max(y, 0)."""
    if len(args) != 2 or not all(_is_tensor(arg) and arg.requires_grad for arg in args):
        return None
    for given, other in (tuple(args), tuple(reversed(args))):
        if given.shape == other.shape and _is_magnitude(given, other):
            return Composite(given, lambda x: x + x.abs(), 2.0)
    return None


def _is_magnitude(given: Tensor, other: Tensor) -> bool:
    made = other.grad_fn
    return made is not None and "Abs" in made.name() and torch.equal(other, given.abs())
