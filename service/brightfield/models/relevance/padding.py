"""Circular padding by joining parts of the map, which a recording can follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class JoinedPadding(TorchFunctionMode):
    """While it is open, circular padding joins parts of the map instead of writing into memory of
    its own. The values are the same."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is not torch.nn.functional.pad:
            return func(*args, **kwargs)
        names = ("input", "pad", "mode", "value")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        if given.get("mode") != "circular" or min(given["pad"]) < 0:
            return func(*args, **kwargs)
        return _wrapped(given["input"], given["pad"])


def _wrapped(maps: Tensor, pad: Sequence[int]) -> Tensor:
    """`pad` has the values before and after, from the last axis on."""
    for place in range(len(pad) // 2):
        axis, (before, after) = -1 - place, pad[2 * place : 2 * place + 2]
        length = maps.shape[axis]
        first = maps.narrow(axis, length - before, before)
        maps = torch.cat([first, maps, maps.narrow(axis, 0, after)], dim=axis)
    return maps
