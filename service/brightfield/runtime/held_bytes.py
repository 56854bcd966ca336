"""How many bytes a value holds, of which a cache keeps only so many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def held_bytes(value: object) -> int:
    """Bytes of the arrays and tensors in a value, each counted once: in the fields of dataclasses,
    in mappings and in sequences. A view counts as all that it keeps in memory."""
    found: dict[int, int] = {}
    seen, waiting = set[int](), [value]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            found.update(_own(each))
            waiting.extend(_parts(each))
    return sum(found.values())


@singledispatch
def _own(_: object) -> Mapping[int, int]:
    """The bytes that a value has itself, by where they lie."""
    return {}


@_own.register(np.ndarray)
def _of_array(array: NDArray[Any]) -> Mapping[int, int]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return {id(array): array.nbytes}


@_own.register
def _of_tensor(tensor: torch.Tensor) -> Mapping[int, int]:
    storage = tensor.untyped_storage()
    return {storage.data_ptr(): storage.nbytes()}


@singledispatch
def _parts(value: object) -> Iterable[object]:
    """What a value consists of."""
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, each.name) for each in fields(value)]
    return ()


@_parts.register
def _of_mapping(value: Mapping) -> Iterable[object]:  # type: ignore[type-arg]
    return value.values()


@_parts.register(list)
@_parts.register(tuple)
def _of_sequence(value: Iterable[object]) -> Iterable[object]:
    return value
