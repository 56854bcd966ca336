"""Of which network a checkpoint is, by the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from brightfield.models.bringing.candidates import Candidate, candidates, hinted, plain_words
from brightfield.models.bringing.shapes import TensorShapes, built, shapes_of, shared, told
from brightfield.models.loading.checkpoint import Checkpoint, TensorsByName
from brightfield.models.loading.old_names import translated
from brightfield.models.loading.skeleton import initialised
from brightfield.models.loading.state import prefixes, usual_first

# Of a network with another head, most numbers are the same.
_ALIKE = 0.5
_SIDE = 224


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """A network that a part of a checkpoint fills, under `prefix` at `place`."""

    candidate: Candidate
    arguments: Mapping[str, Any]
    place: str
    prefix: str
    state: Mapping[str, Tensor]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognition:
    """The networks that fit in every name and shape, in groups that compute the same, and the one
    that is `chosen` of them. `nearest` is a network that
    shares most numbers, with the names of the file that it lacks and those that it wants."""

    groups: tuple[tuple[Recognised, ...], ...]
    chosen: Recognised | None
    nearest: tuple[str, tuple[str, ...], tuple[str, ...]] | None = None


def recognise(checkpoint: Checkpoint, task: str, hints: Iterable[str]) -> Recognition:
    """The known networks of a task that a checkpoint fills."""
    words = plain_words([*hints, *checkpoint.texts.values()])
    nearest: tuple[float, tuple[str, tuple[str, ...], tuple[str, ...]]] | None = None
    for place, state in usual_first(checkpoint.states):
        for prefix in prefixes(state, len(state) // 2):
            part = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
            rest = tuple(name for name in state if not name.startswith(prefix))
            fitting, near = _fitting(part, task, words)
            found = [Recognised(c, a, place, prefix, s, rest) for c, a, s in fitting]
            if found:
                groups = _grouped(found)
                return Recognition(groups, _chosen(groups, words))
            if near is not None and (nearest is None or near[0] > nearest[0]):
                nearest = near
    return Recognition((), None, nearest[1] if nearest else None)


def _fitting(
    part: dict[str, Tensor], task: str, words: set[str]
) -> tuple[list[tuple[Candidate, dict[str, Any], Mapping[str, Tensor]]], Any]:
    """The candidates that a state dict fills, with their arguments; else the most similar one."""
    there, nearest = shapes_of(part), None
    found: list[tuple[Candidate, dict[str, Any], Mapping[str, Tensor]]] = []
    for candidate in candidates(task, there, words):
        try:
            module = built(candidate.make, candidate.fixed)
            renamed = translated(candidate.rename(part, module), module)
        except Exception:  # a builder may want packages or arguments of its own
            continue
        own, shapes = shapes_of(module.state_dict()), shapes_of(renamed)
        if own.keys() == shapes.keys():
            arguments = _arguments(candidate, module, own, shapes)
            if arguments is not None:
                found.append((candidate, arguments, renamed))
        elif (alike := shared(own, shapes)) > max(_ALIKE, nearest[0] if nearest else 0):
            more, less = sorted(shapes.keys() - own.keys()), sorted(own.keys() - shapes.keys())
            nearest = (alike, (candidate.name, tuple(more), tuple(less)))
    return found, nearest


def _arguments(
    candidate: Candidate, module: nn.Module, own: TensorShapes, there: TensorShapes
) -> dict[str, Any] | None:
    """With which arguments a candidate has exactly these shapes; None for none."""
    found = told(own, there, candidate.classes(module), candidate.arguments)
    if found is None:
        return None
    arguments = {**candidate.fixed, **found}
    if not found:
        return arguments
    try:
        again = shapes_of(built(candidate.make, arguments).state_dict())
    except Exception:  # it takes no such number
        return None
    return arguments if again == there else None


def _grouped(found: Sequence[Recognised]) -> tuple[tuple[Recognised, ...], ...]:
    """Networks that answer alike with the file's values: names and shapes don't tell of padding,
    or of a constant in a normalisation."""
    if len(found) == 1:
        return (tuple(found),)
    groups: list[tuple[Any, list[Recognised]]] = []
    for each in found:
        output = _answer(each)
        same = [group for known, group in groups if _alike(known, output)]
        if same:
            same[0].append(each)
        else:
            groups.append((output, [each]))
    return tuple(tuple(group) for _, group in groups)


def _answer(found: Recognised) -> Any:
    module = initialised(lambda: found.candidate.make(found.arguments)).eval()
    values: TensorsByName = {
        k: v.float() if v.is_floating_point() else v for k, v in found.state.items()
    }
    module.load_state_dict(values, strict=False)
    channels = found.arguments.get(found.candidate.arguments[1] or "", 3)
    noise = torch.randn(1, channels, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        try:
            return module(noise)
        except Exception:  # of another size of input, and so another network
            return None


def _alike(one: Any, other: Any) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    return torch.allclose(one, other, rtol=1e-4, atol=1e-5 * max(float(one.abs().amax()), 1e-6))


def _chosen(groups: tuple[tuple[Recognised, ...], ...], words: set[str]) -> Recognised | None:
    """The network that a text names, the longest name first; else one of the only group; else
    torchvision's, whose networks others vary. None: it isn't known."""
    every = [each for group in groups for each in group]
    named = [each for each in every if hinted(each.candidate.name, words)]
    if named:
        return max(named, key=lambda each: len(each.candidate.name.partition(":")[2]))
    ours = [each for each in every if each.candidate.name.startswith("torchvision:")]
    usual = sorted(every if len(groups) == 1 else ours, key=lambda each: len(each.candidate.name))
    return next(iter([*ours, *usual]), None)
