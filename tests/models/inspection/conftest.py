"""Whether autograd's graph is freed by itself: the garbage collector sees no circle of hooks."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn

FreedAtOnce = Callable[[nn.Module, Callable[[], object]], None]


@pytest.fixture
def freed_at_once() -> FreedAtOnce:
    """Checks that nothing a network's parts give in a call is there after it."""

    def check(network: nn.Module, call: Callable[[], object]) -> None:
        given: list[weakref.ref[torch.Tensor]] = []
        for part in network.modules():
            part.register_forward_hook(lambda _, __, output: given.append(weakref.ref(output)))
        gc.disable()
        try:
            call()
            assert given and not any(one() is not None for one in given)
        finally:
            gc.enable()

    return check
