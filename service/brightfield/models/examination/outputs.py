"""What a network puts out: in words, and as the one tensor that a task reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from brightfield.cards import TakePath
from brightfield.errors import InvalidCard
from brightfield.models.architecture import Candidates

_MOST_PARTS = 6


def described(output: Any) -> str:
    """In words, as "a tuple of 2: (1, 4) float32, (1, 16, 8, 8) float32"."""
    if isinstance(output, Tensor):
        return f"{tuple(output.shape)} {str(output.dtype).removeprefix('torch.')}"
    if isinstance(output, Candidates):
        return "boxes with scores"
    parts = list(_parts(output))
    if not parts:
        return f"a {type(output).__name__}"
    texts = [described(part) if isinstance(key, int) else f"{key!r} {described(part)}"
             for key, part in parts]  # fmt: skip
    more = ", ..." if len(texts) > _MOST_PARTS else ""
    return f"a {type(output).__name__} of {len(texts)}: {', '.join(texts[:_MOST_PARTS])}{more}"


def is_container(output: Any) -> bool:
    """Whether it holds several values, so one has to be named."""
    return not isinstance(output, Tensor | Candidates) and any(True for _ in _parts(output))


def taken(output: Any, path: TakePath) -> Any:
    """The part of an output at the end of a path of keys, names or places.

    Raises `InvalidCard` naming what is there instead.
    """
    found = output
    for key in path:
        parts = dict(_parts(found))
        if key not in parts and isinstance(key, int) and 0 <= key < len(parts):
            key = list(parts)[key]  # noqa: PLW2901 (a place where parts have names)
        if key not in parts:
            raise InvalidCard(
                f"output.take names {key!r}, which isn't in the network's output; it puts out "
                f"{described(found)}."
            )
        found = parts[key]
    return found


def only_tensor(output: Any) -> TakePath | None:
    """The path to the only tensor (or candidates) in a container; None where there are several."""
    paths = list(_tensors(output))
    return paths[0] if len(paths) == 1 else None


def path_to(output: Any) -> TakePath | None:
    """The path to the first tensor in a container, as an example."""
    return next(_tensors(output), None)


def _tensors(output: Any) -> Iterator[TakePath]:
    if isinstance(output, Tensor | Candidates):
        yield ()
        return
    for key, part in _parts(output):
        yield from ((key, *rest) for rest in _tensors(part))


def _parts(output: Any) -> Iterator[tuple[int | str, Any]]:
    """What a container holds, by key, name or place; nothing of what is none.

    A named tuple's parts go by their names, and so do those of a dataclass or another object.
    """
    if isinstance(output, Mapping):
        yield from ((key, value) for key, value in output.items() if isinstance(key, int | str))
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        yield from zip(output._fields, output, strict=True)
    elif isinstance(output, list | tuple):
        yield from enumerate(output)
    elif is_dataclass(output) and not isinstance(output, type):
        yield from ((field.name, getattr(output, field.name)) for field in fields(output))
    elif not isinstance(output, type | Tensor) and hasattr(output, "__dict__"):
        yield from vars(output).items()


@dataclass(frozen=True, slots=True)
class OutputForm:
    """How a network's output is read: the part at `path`, with `axes` axes (None: as it comes).

    Missing axes are added: of one value per image (B,) that of the classes, of one map (B, H, W)
    that of the maps, and the images' own where a single one was squeezed away. Trailing axes of
    length 1 behind the classes are dropped.
    """

    path: TakePath = ()
    axes: int | None = None

    def __call__(self, output: Any, images: int) -> Any:
        found = taken(output, self.path)
        if self.axes is None or not isinstance(found, Tensor):
            return found
        squeezed = images == 1 and found.dim() < self.axes
        if squeezed and (found.dim() == 0 or found.shape[0] != 1):
            found = found.unsqueeze(0)
        if found.dim() == self.axes - 1:
            return found.unsqueeze(1)
        if found.dim() > self.axes == 2 and all(side == 1 for side in found.shape[2:]):
            return found.flatten(1)
        return found


def read_as(module: nn.Module, form: OutputForm) -> None:
    """Make every pass of a module put out what the form reads; its layers keep their names."""

    def hook(part: nn.Module, inputs: Sequence[Any], output: Any) -> Any:
        return form(output, len(inputs[0]))

    module.register_forward_hook(hook)


def compute_in(module: nn.Module, dtype: torch.dtype) -> RemovableHandle:
    """Make every pass of a module take its images in a dtype, until the handle is removed."""

    def hook(part: nn.Module, inputs: Sequence[Any]) -> Any:
        return (inputs[0].to(dtype), *inputs[1:])

    return module.register_forward_pre_hook(hook)


def only_dtype(module: nn.Module) -> torch.dtype | None:
    """The dtype of all parameters that are no whole numbers; None where they differ."""
    dtypes = {p.dtype for p in module.parameters() if p.is_floating_point()}
    return dtypes.pop() if len(dtypes) == 1 else None
