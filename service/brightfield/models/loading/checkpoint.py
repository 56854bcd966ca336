"""What a checkpoint holds: tensors by name, read without running any code of the file."""

from __future__ import annotations

import pickle
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from brightfield.models.loading.file_forms import FileForm, advice, form_of
from brightfield.outages import DamagedWeights

TensorsByName = Mapping[str, Tensor]

# Entries lie in a dict, or in one within it; deeper ones are optimisers' business.
_DEEPEST = 3
_FAULTS = (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError)
# What torch counts as harmless is known to all threads at once.
_ALLOWING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state dicts in a file by their place in it ("" is the file itself, "model" its entry),
    and the `texts` beside them by their names, such as the hyper-parameters of a training run.

    `classes` are those of pickled objects, which stay unread; a whole pickled network is taken for
    its parameters and buffers alone.
    """

    file: str
    states: Mapping[str, TensorsByName]
    texts: Mapping[str, str]
    classes: tuple[str, ...] = ()


class Inert:
    """Stands for an object of any class of a pickle: keeps what belongs to it and does nothing."""

    state: Any = None

    def __new__(cls, *_: Any, **__: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Arguments say nothing without the class."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


def read_checkpoint(path: Path) -> Checkpoint:
    """All state dicts in a .safetensors file or in one that torch.save wrote, on the CPU.

    No class or function that a pickle names is looked up, imported or called, except those of
    tensors: objects of all others become `Inert`. Tensors may be mapped from the file.

    Raises `DamagedWeights` for a file that is neither, or holds no tensors by name.
    """
    form = form_of(path)
    if form not in _READERS:
        raise DamagedWeights(f"{path.name} is {form.value}, not a state dict. {advice(form)}")
    try:
        content, classes = _READERS[form](path)
    except _FAULTS as fault:
        raise DamagedWeights(
            f"{path.name} cannot be read as weights. Save them with safetensors, or with "
            "torch.save(model.state_dict(), path)."
        ) from fault
    states = dict(_states(content, "", _DEEPEST))
    if not states:
        keys = ", ".join(map(str, content)) if isinstance(content, Mapping) else ""
        raise DamagedWeights(
            f"{path.name} holds no state dict, that is, no mapping from parameter names to tensors"
            f"{f'; it has {keys}' if keys else ''}. Save one with "
            "torch.save(model.state_dict(), path)."
        )
    return Checkpoint(path.name, states, dict(_texts(content, "", _DEEPEST)), classes)


def _torch_content(path: Path) -> tuple[Any, tuple[str, ...]]:
    # Files from before PyTorch 1.6 are no zip archives and cannot be mapped.
    zipped = zipfile.is_zipfile(path)
    try:
        return _plain(path, zipped), ()
    except pickle.UnpicklingError:
        if not zipped:
            raise
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    inert: list[Any] = [(type(name.rpartition(".")[2], (Inert,), {}), name) for name in names]
    with _ALLOWING, torch.serialization.safe_globals(inert):
        return _plain(path, zipped), tuple(sorted(names))


def _safe_content(path: Path) -> tuple[Any, tuple[str, ...]]:
    return load_file(path), ()


def _plain(path: Path, mapped: bool) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)


def _states(content: Any, place: str, depth: int) -> Iterator[tuple[str, TensorsByName]]:
    if isinstance(content, Inert):
        found = dict(_parameters(content, "", frozenset()))
        if found:
            yield place, found
    elif isinstance(content, Mapping) and content and all(isinstance(key, str) for key in content):
        tensors = {k: v for k, v in content.items() if not k.endswith("_extra_state")}
        if tensors and all(isinstance(value, Tensor) for value in tensors.values()):
            yield place, tensors
        elif depth:
            for key, value in content.items():
                yield from _states(value, f"{place}.{key}" if place else key, depth - 1)


def _parameters(network: Inert, prefix: str, above: frozenset[int]) -> Iterator[tuple[str, Tensor]]:
    """What the `state_dict()` of a pickled network would give."""
    state = network.state
    if not isinstance(state, Mapping) or "_modules" not in state or id(network) in above:
        return
    fleeting = state.get("_non_persistent_buffers_set", ())
    for kind in ("_parameters", "_buffers"):
        for name, tensor in state.get(kind, {}).items():
            if isinstance(tensor, Tensor) and name not in fleeting:
                yield prefix + name, tensor.detach()
    for name, part in state["_modules"].items():
        if isinstance(part, Inert):
            yield from _parameters(part, f"{prefix}{name}.", above | {id(network)})


def _texts(content: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield name, content
    elif isinstance(content, Inert):  # argparse.Namespace and the like
        yield from _texts(content.state, name, depth)
    elif isinstance(content, Mapping) and depth:
        for key, value in content.items():
            yield from _texts(value, f"{name}.{key}" if name else str(key), depth - 1)


_READERS: Mapping[FileForm, Callable[[Path], tuple[Any, tuple[str, ...]]]] = {
    FileForm.SAFETENSORS: _safe_content,
    FileForm.CHECKPOINT: _torch_content,
}
