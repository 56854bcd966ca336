"""Layers by name: listing them, resolving a caller's name, and reading what flows through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from brightfield.cards import ExplainSection
from brightfield.errors import UnknownLayer, nearest
from brightfield.tensors import Images

T = TypeVar("T")

PENULTIMATE, LOGITS = "penultimate", "logits"

# No module runs as often as a number this long.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Tap:
    """A place where features are read: the output of one call of a module, or what goes into it.

    The empty name is the whole network. `call` counts the runs of the module in a pass from 0;
    None is the last one.
    """

    name: str
    side: Literal["input", "output"] = "output"
    call: int | None = None

    @property
    def label(self) -> str:
        """As callers write it: `block.conv`, or `block.conv@0` for one of several calls."""
        return self.name if self.call is None else f"{self.name}@{self.call}"


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One module: its class, the shape of its last output for the sample (None: it did not run,
    gave no tensor, or is TorchScript), how often it ran, and the parameters in it and below."""

    name: str
    type: str
    output_shape: tuple[int, ...] | None
    calls: int
    parameters: int


def layer_names(module: nn.Module) -> list[str]:
    """Every module's name but the root's, in the order of `named_modules`."""
    return [name for name, _ in module.named_modules() if name]


def resolve(module: nn.Module, name: str, explain: ExplainSection | None = None) -> Tap:
    """The place that a name means: a module's output, or one of two aliases.

    `logits` is the network's own output. `penultimate` is the output of the module that the
    card's `explain` section calls so, else the input of the last linear layer in the order of
    definition. A module that runs several times is read where it runs last; `name@0` is its first
    call.

    Raises `UnknownLayer` with the nearest names.
    """
    if name == LOGITS:
        return Tap("")
    if name == PENULTIMATE:
        return _penultimate(module, explain)
    known = layer_names(module)
    if name in known:
        return Tap(name)
    base, _, number = name.rpartition("@")
    if base in known and number.isdecimal() and len(number) <= _DIGITS:
        return Tap(base, call=int(number))
    raise UnknownLayer(
        f"The model has no layer {name!r}.{nearest(name, [*known, PENULTIMATE, LOGITS])} "
        "GET /models/{id}/layers lists them."
    )


def _penultimate(module: nn.Module, explain: ExplainSection | None) -> Tap:
    if explain is not None and explain.penultimate is not None:
        return resolve(module, explain.penultimate)
    linear = [name for name, part in module.named_modules() if name and _is_linear(part)]
    if not linear:
        raise UnknownLayer(
            "The model has no linear layer, so it is not known which features are its last; "
            "name a layer, or set explain.penultimate on the card."
        )
    return Tap(linear[-1], "input")


@contextmanager
def reading(module: nn.Module, taps: Sequence[Tap]) -> Iterator[Mapping[Tap, Tensor]]:
    """While it is open, one forward pass fills the mapping with what flows through the taps.

    With gradients on, the tensors lie on the path to the output. The network goes on with a copy,
    so that a later operation in place changes none of them. If a layer gives several tensors, the
    first counts; a call that did not happen, or gave no tensor, is missing. The hooks are removed
    however the block ends.
    """
    read: dict[Tap, Tensor] = {}
    with ExitStack() as hooks:
        for tap in dict.fromkeys(taps):
            part = module.get_submodule(tap.name)
            if isinstance(part, torch.jit.ScriptModule):
                raise UnknownLayer(
                    f"The layer {tap.label!r} is TorchScript, which can't be read; choose one of "
                    "the model's Python code."
                )
            if tap.side == "input":
                handle = part.register_forward_pre_hook(_read_input(tap, read))
            else:
                handle = part.register_forward_hook(_read_output(tap, read))
            hooks.callback(handle.remove)
        yield read


def _read_input(tap: Tap, read: dict[Tap, Tensor]) -> Callable[..., Any]:
    calls = count()

    def hook(part: nn.Module, inputs: tuple[Any, ...]) -> Any:
        meant = tap.call in (None, next(calls))
        if not meant or not inputs or not isinstance(inputs[0], Tensor):
            return None
        read[tap] = inputs[0]
        return (inputs[0].clone(), *inputs[1:])

    return hook


def _read_output(tap: Tap, read: dict[Tap, Tensor]) -> Callable[..., Any]:
    calls = count()

    def hook(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        first = first_tensor(output) if tap.call in (None, next(calls)) else None
        if first is None:
            return None
        read[tap] = first
        return _replaced(output, first)

    return hook


def first_tensor(output: Any) -> Tensor | None:
    """The tensor of an output of several that counts: the first one; None if there is none."""
    if isinstance(output, Tensor):
        return output
    values = output.values() if isinstance(output, Mapping) else output
    if isinstance(output, Mapping | list | tuple):
        return next((value for value in values if isinstance(value, Tensor)), None)
    return None


def _replaced(output: Any, first: Tensor) -> Any:
    """The output with a copy in place of `first`; named tuples and the like stay as they are."""
    if isinstance(output, Tensor):
        return output.clone()
    if type(output) in (list, tuple):
        return type(output)(value.clone() if value is first else value for value in output)
    return output


def shapes(module: nn.Module, sample: Images) -> list[LayerInfo]:
    """Every module but the root, in the order of `named_modules`, with its output for `sample`."""
    with ExitStack() as hooks, torch.no_grad():
        finished = _finishing(module, hooks, _shape)
        module(sample)
    outputs = {name: shape for name, _, shape in finished}
    calls = Counter(name for name, _, _ in finished)
    return [
        LayerInfo(
            name,
            type(part).__name__,
            outputs.get(name),
            calls[name],
            sum(parameter.numel() for parameter in part.parameters()),
        )
        for name, part in module.named_modules()
        if name
    ]


def _finishing(
    module: nn.Module, hooks: ExitStack, measure: Callable[[Tensor | None], T]
) -> list[tuple[str, nn.Module, T]]:
    """Fills, while the hooks are there, with what `measure` gives for each module's output."""
    finished: list[tuple[str, nn.Module, T]] = []

    def note(name: str) -> Callable[..., None]:
        def hook(part: nn.Module, inputs: object, output: object) -> None:
            finished.append((name, part, measure(first_tensor(output))))

        return hook

    for name, part in module.named_modules():
        if not isinstance(part, torch.jit.ScriptModule):  # which takes no hooks
            hooks.callback(part.register_forward_hook(note(name)).remove)
    return finished


def _shape(first: Tensor | None) -> tuple[int, ...] | None:
    return None if first is None else tuple(first.shape)


def _weight_axes(part: nn.Module) -> int:
    weight = part._parameters.get("weight")
    return weight.ndim if weight is not None else 0


def _is_linear(part: nn.Module) -> bool:
    # An exported program keeps a linear layer's weight, but not its class.
    exported = type(part).__module__ == "torch.export.unflatten" and not list(part.children())
    return isinstance(part, nn.Linear) or (exported and _weight_axes(part) == 2)
