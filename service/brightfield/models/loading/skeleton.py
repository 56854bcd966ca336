"""Networks before their weights: without values, or with those that their constructor draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Make = Callable[[], nn.Module]

_TURN = threading.Lock()
_PATIENCE = 5.0  # seconds
_DRAWING = frozenset({
    nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_,
    Tensor.bernoulli_, Tensor.cauchy_, Tensor.exponential_, Tensor.geometric_, Tensor.log_normal_,
    Tensor.normal_, Tensor.random_, Tensor.uniform_,
})  # fmt: skip


def skeleton(make: Make) -> nn.Module:
    """The module without values, for weights that follow: no time spent on random numbers.

    Architectures that compute tensors other than parameters (position tables, anchors) would lose
    them on the meta device, and some cannot be built there; these are initialised.
    """
    try:
        with torch.device("meta"), _Undrawn():
            module = make()
    except (NotImplementedError, RuntimeError):
        return initialised(make)
    return initialised(make) if any(_computed(module)) else module


class _Undrawn(TorchFunctionMode):
    """Draws no random numbers into tensors that have no values, which PyTorch does in Python: for
    that it imports its compiler."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        drawn = args[0] if args else named.get("tensor")
        if func in _DRAWING and isinstance(drawn, Tensor) and drawn.is_meta:
            return drawn
        return func(*args, **named)


def _computed(module: nn.Module) -> Iterator[bool]:
    for part in module.modules():
        yield bool(part._non_persistent_buffers_set)
        for value in vars(part).values():
            yield any(isinstance(item, Tensor) for item in _items(value))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def initialised(make: Make) -> nn.Module:
    """The module with the values that its constructor draws, from a fixed seed.

    All threads draw from one generator, so they take turns. A constructor that never returns keeps
    the others waiting for a while only; then they may draw other values than the last time.
    """
    has_turn = _TURN.acquire(timeout=_PATIENCE)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would also reseed the GPUs
            return make()
    finally:
        if has_turn:
            _TURN.release()
