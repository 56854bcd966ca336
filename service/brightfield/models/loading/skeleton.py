"""Networks before their weights: without values, or with those that their constructor draws."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

Make = Callable[[], nn.Module]

_DRAWING = threading.Lock()
_PATIENCE = 5.0  # seconds


def skeleton(make: Make) -> nn.Module:
    """The module without values, for weights that follow: no time spent on random numbers.

    Architectures that compute tensors other than parameters (position tables, anchors) would lose
    them on the meta device, and some cannot be built there; these are initialised.
    """
    try:
        with torch.device("meta"):
            module = make()
    except (NotImplementedError, RuntimeError):
        return initialised(make)
    return initialised(make) if any(_computed(module)) else module


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
    has_turn = _DRAWING.acquire(timeout=_PATIENCE)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would also reseed the GPUs
            return make()
    finally:
        if has_turn:
            _DRAWING.release()
