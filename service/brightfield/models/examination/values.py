"""Numbers of a network that are none, or that nobody learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils import _pytree as pytree

from brightfield.models.inspection.dispatch_mode import DispatchMode

# ATen's operations that draw numbers, in place or anew, and those that write over what was there.
_DRAWING = frozenset((
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "normal", "rand",
    "rand_like", "randn", "randn_like", "random", "uniform",
))  # fmt: skip
_WRITING = frozenset(("copy", "fill", "zero", "set"))


def not_numbers(module: nn.Module) -> dict[str, str]:
    """The parameters and buffers with NaN or infinity, and which of them they have.

    Buffers may have infinity on purpose, as masks do.
    """
    found: dict[str, str] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.numel():
            low, high = tensor.detach().aminmax()
            if low.isnan():
                found[name] = "NaN"
            elif low.isinf() or high.isinf():
                found[name] = "infinity"
    return found


@contextmanager
def kept_buffers(module: nn.Module) -> Iterator[list[str]]:
    """Within it passes may change the module's buffers, as batch normalisation in train mode does;
    afterwards they are as before. The names of the changed ones are in the list then."""
    before = {name: (buffer, buffer.clone()) for name, buffer in module.named_buffers()}
    changed: list[str] = []
    try:
        yield changed
    finally:
        now = dict(module.named_buffers())
        for name, (buffer, values) in before.items():
            # Inference mode counts no versions.
            if now.get(name) is not buffer or not _same(buffer, values):
                changed.append(name)
                with torch.no_grad():
                    buffer.copy_(values)
                _put(module, name, buffer)


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


def _put(module: nn.Module, name: str, buffer: Tensor) -> None:
    owner, _, own = name.rpartition(".")
    module.get_submodule(owner)._buffers[own] = buffer


class DrawnNumbers(DispatchMode):
    """While it is open, notes which tensors of this thread hold random numbers.

    What is computed from them counts, too; what is written over them from a file does not.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._drawn: set[StorageWeakRef] = set()

    def parameters(self, module: nn.Module) -> list[str]:
        """The names of a module's parameters that are random."""
        return [name for name, value in module.named_parameters() if self._holds(value)]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        outcome = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.strip("_")
        written = args[0] if func._schema.is_mutable and args else None
        if name in _WRITING and isinstance(written, Tensor):
            self._note([written], drawn=self._any_held(args[1:]))
        elif name in _DRAWING or self._any_held((args, dict(kwargs or {}))):
            self._note(pytree.tree_leaves(outcome), drawn=True)
        return outcome

    def _note(self, tensors: Sequence[Any], *, drawn: bool) -> None:
        change: Callable[[StorageWeakRef], None]
        change = self._drawn.add if drawn else self._drawn.discard
        for reference in _storages(tensors):
            change(reference)

    def _any_held(self, values: Any) -> bool:
        return any(map(self._holds, pytree.tree_leaves(values)))

    def _holds(self, value: Any) -> bool:
        return any(reference in self._drawn for reference in _storages([value]))


def _storages(tensors: Sequence[Any]) -> Iterator[StorageWeakRef]:
    """The memory of tensors; weak, so nothing lives longer, and no memory is mistaken for that of
    a tensor before it."""
    for tensor in tensors:
        if isinstance(tensor, Tensor) and tensor.layout == torch.strided:
            yield StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
