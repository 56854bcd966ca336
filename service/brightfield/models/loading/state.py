"""Which tensors of a checkpoint are a network's: the entry, and the prefix before their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.models.loading.checkpoint import Checkpoint, TensorsByName
from brightfield.outages import DamagedWeights

StateRename = Callable[[dict[str, Tensor]], dict[str, Tensor]]

# Where trainers put a network beside an average of it and others, the one that is meant first.
_USUAL = ("", "state_dict", "model_state_dict", "model")
# What DataParallel, torch.compile and averaging put around a network, and keep beside it.
_BESIDE = ("n_averaged",)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Fitting:
    """Tensors under the names of a network. `place` and `prefix` say where they lie in the file,
    `rest` are the names in that place that the network has no use for."""

    place: str
    prefix: str
    state: dict[str, Tensor]
    rest: tuple[str, ...]


def fitting(
    checkpoint: Checkpoint, own: TensorsByName, card: ModelCard, rename: StateRename
) -> dict[str, Tensor]:
    """The tensors that fill a network whose state dict has the names and shapes of `own`.

    The card's `weights.entry` and `weights.prefix` say where they are. Default: what fits. That is
    the usual entry of a checkpoint if several fit, and what stands before every name alike.
    Floating-point tensors become float32 in memory of their own. `rename` translates published
    names.

    Raises `DamagedWeights` with names of both sides if nothing fits, or if it isn't clear what.
    """
    found = [each for each in fittings(checkpoint, own, rename) if _wanted(each, card)]
    if not found:
        raise DamagedWeights(_misfit(checkpoint, own, card, rename))
    chosen = _usual(found)
    if len(chosen) > 1:
        raise DamagedWeights(_ambiguous(checkpoint, card, chosen))
    rest = [name for name in chosen[0].rest if name not in _BESIDE]
    if rest and (card.weights is None or card.weights.prefix is None):
        raise DamagedWeights(
            f"{checkpoint.file} fits {card.architecture.name} of {card.id} with the prefix "
            f"{chosen[0].prefix!r}, and has tensors beside it that would be left out: "
            f'{_some(rest)}. Say prefix = "{chosen[0].prefix}" under [weights] if they belong to '
            "training alone."
        )
    return {name: _owned(tensor) for name, tensor in chosen[0].state.items()}


def fittings(checkpoint: Checkpoint, own: TensorsByName, rename: StateRename) -> list[Fitting]:
    """Every entry and prefix with whose tensors the network is filled exactly."""
    return [
        Fitting(place, prefix, renamed, rest)
        for place, prefix, renamed, rest in _readings(checkpoint, own, rename)
        if not _differences(renamed, own)
    ]


def prefixes(names: Iterable[str], least: int) -> list[str]:
    """What stands before the dots of at least so many names, "" first, then the shortest."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        counts.update(".".join(parts[:end]) + "." for end in range(1, len(parts)))
    return ["", *sorted((p for p, n in counts.items() if n >= max(least, 1)), key=len)]


def _readings(
    checkpoint: Checkpoint, own: TensorsByName, rename: StateRename
) -> Iterator[tuple[str, str, dict[str, Tensor], tuple[str, ...]]]:
    for place, state in checkpoint.states.items():
        # Published weights may have heads that the network lacks, never only a few of its names.
        for prefix in prefixes(state, len(own) // 2):
            part = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
            rest = tuple(name for name in state if not name.startswith(prefix))
            yield place, prefix, rename(part), rest


def _differences(state: TensorsByName, own: TensorsByName) -> list[tuple[str, list[str]]]:
    """What is wrong with tensors for a network, each with the names."""
    shapes = [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    missing = [name for name in own if name not in state and not _counter(name)]
    unknown = [name for name in state if name not in own]
    faults = (
        ("other shapes", shapes),
        ("no values for", missing),
        ("keys that the model lacks", unknown),
    )
    return [(fault, names) for fault, names in faults if names]


def _counter(name: str) -> bool:
    """Whether it only counts batches of training, which files of before PyTorch 0.4.1 don't."""
    return name.rpartition(".")[2] == "num_batches_tracked"


def _wanted(found: Fitting, card: ModelCard) -> bool:
    source = card.weights
    if source is None:
        return True
    entry, prefix = source.entry, source.prefix
    return (entry is None or found.place == entry) and (prefix is None or found.prefix == prefix)


def usual_first(states: Mapping[str, TensorsByName]) -> list[tuple[str, TensorsByName]]:
    """State dicts by their place, the most usual ones first."""
    order = {place: number for number, place in enumerate(_USUAL)}
    return sorted(states.items(), key=lambda item: order.get(item[0], len(order)))


def _usual(found: list[Fitting]) -> list[Fitting]:
    """Those of the most usual place."""
    for place in _USUAL:
        if there := [each for each in found if each.place == place]:
            return there
    return found


def _misfit(
    checkpoint: Checkpoint, own: TensorsByName, card: ModelCard, rename: StateRename
) -> str:
    source = card.weights
    said = "" if source is None else _said(source.entry, source.prefix)
    readings = list(_readings(checkpoint, own, rename))
    _, prefix, state, _ = max(readings, key=lambda reading: len(own.keys() & reading[2].keys()))
    whose = f"{card.architecture.name} of {card.id}"
    faults = "; ".join(f"{fault}: {_some(names)}" for fault, names in _differences(state, own)[:2])
    if said and not faults:
        found = fittings(checkpoint, own, rename)
        places = "; ".join(_said(each.place, each.prefix) for each in found)
        return (
            f"{checkpoint.file} has no tensors for {whose} at {said}, which its card names; it has "
            f"them at {places}."
        )
    there = {name for names in checkpoint.states.values() for name in names}
    without = f" (without the prefix {prefix!r})" if prefix else ""
    return (
        f"{checkpoint.file} does not fit the architecture {whose}; it has{without} {faults}. The "
        f"file has {_some(sorted(there))}; the architecture has {_some(list(own))}. Check the "
        "arguments of [architecture]."
    )


def _ambiguous(checkpoint: Checkpoint, card: ModelCard, chosen: list[Fitting]) -> str:
    places = " or ".join(_said(each.place, each.prefix) for each in chosen)
    return (
        f"{checkpoint.file} has {len(chosen)} networks that fit {card.architecture.name} of "
        f"{card.id}; say which under [weights] of the card: {places}."
    )


def _said(entry: str | None, prefix: str | None) -> str:
    keys = {"entry": entry, "prefix": prefix}
    return ", ".join(f'{key} = "{value}"' for key, value in keys.items() if value is not None)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _owned(tensor: Tensor) -> Tensor:
    # A mapped file that somebody rewrites would change, or crash, a resident model.
    return tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
