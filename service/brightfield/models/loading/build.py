"""From a card to a module with its weights: on the CPU, in eval mode, ready to explain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import brightfield.models
from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, nearest
from brightfield.models.architecture import Architecture
from brightfield.models.loading.export import load_export, static_batch
from brightfield.models.loading.foreign_code import foreign_code
from brightfield.models.loading.lab_code import build_lab_code
from brightfield.models.loading.weights import locate, read_state, verify
from brightfield.models.torchvision.builders import build_torchvision, rename_torchvision
from brightfield.outages import DamagedWeights
from brightfield.plugins import discover

__all__ = ["build", "static_batch"]

Make = Callable[[], nn.Module]
Rename = Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]


def build(
    card: ModelCard, *, trust_model_code: bool = False, data: Path | None = None
) -> nn.Module:
    """The card's network with its weights, strictly loaded and verified.

    On the CPU, float32, in eval mode, no parameter requiring a gradient, no activation module
    working in place (so that hooks see what they are given). Without weights on the card the
    network is initialised from a fixed seed. Neither the network nor a global random number
    generator is touched. `data` is the folder whose `weights` holds downloads.

    Raises `MissingWeights`, `DamagedWeights`, `InvalidCard` or `UntrustedCode`.
    """
    with foreign_code(f"Building {card.id}", InvalidCard):  # a lab's module may override anything
        if card.architecture.name == "export":
            path = locate(card, data)
            verify(path, card.weights.sha256 if card.weights else None)
            module = load_export(path, trust_model_code=trust_model_code)
        elif card.architecture.name.startswith("python:"):
            module = _initialised(lambda: build_lab_code(card, trust_model_code=trust_model_code))
            if card.weights is not None:
                load_weights(module, card, data)
        else:
            module = _known(card, data)
        return _settled(module)


def load_weights(
    module: nn.Module, card: ModelCard, data: Path | None, rename: Rename | None = None
) -> None:
    """Put the card's verified weights into `module`; `rename` translates published keys.

    Raises `DamagedWeights` naming the first keys that are missing, unexpected or of another shape.
    """
    path = locate(card, data)
    verify(path, card.weights.sha256 if card.weights else None)
    state = read_state(path)
    if rename is not None:
        state = rename(state, module)
    own = module.state_dict()
    shapes = [
        f"{key} is {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if shapes:
        raise DamagedWeights(_mismatch(path.name, card, "other shapes", shapes))
    answer = module.load_state_dict(state, strict=False, assign=True)
    for fault, keys in (
        ("no values for", answer.missing_keys),
        ("keys that the model lacks", answer.unexpected_keys),
    ):
        if keys:
            raise DamagedWeights(_mismatch(path.name, card, fault, keys))


def _mismatch(file: str, card: ModelCard, fault: str, places: list[str]) -> str:
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return (
        f"{file} does not fit the architecture {card.architecture.name} of {card.id}; it has "
        f"{fault}: {', '.join(places[:3])}{more}. Check the arguments of [architecture]."
    )


def _known(card: ModelCard, data: Path | None) -> nn.Module:
    make, rename = (
        _torchvision(card)
        if card.architecture.name.startswith("torchvision:")
        else (_catalog(card))
    )
    if card.weights is None:
        return _initialised(make)
    locate(card, data)  # a missing file is reported before anything is built
    module = _skeleton(make)
    load_weights(module, card, data, rename)
    return module


def _torchvision(card: ModelCard) -> tuple[Make, Rename]:
    return lambda: build_torchvision(card), rename_torchvision


def _catalog(card: ModelCard) -> tuple[Make, Rename]:
    name = card.architecture.name
    catalog = discover(brightfield.models, Architecture)
    if name not in catalog:
        raise InvalidCard(
            f"{card.id} names the architecture {name!r}, which is not one of "
            f"{', '.join(sorted(catalog))}.{nearest(name, list(catalog))}"
        )
    architecture = catalog[name]

    def make() -> nn.Module:
        try:
            return architecture(**card.architecture.arguments)
        except (TypeError, ValueError) as fault:
            raise InvalidCard(f"{name} refuses the arguments of {card.id}: {fault}.") from fault

    return make, lambda state, _: architecture.rename(state)


def _skeleton(make: Make) -> nn.Module:
    """The module without values, for weights that follow: no time spent on random numbers.

    Architectures that compute tensors other than parameters (position tables, anchors) would lose
    them on the meta device, and some cannot be built there; these are initialised.
    """
    try:
        with torch.device("meta"):
            module = make()
    except (NotImplementedError, RuntimeError):
        return _initialised(make)
    return _initialised(make) if any(_computed(module)) else module


def _computed(module: nn.Module) -> Iterator[bool]:
    for part in module.modules():
        yield bool(part._non_persistent_buffers_set)
        for value in vars(part).values():
            yield any(isinstance(item, Tensor) for item in _items(value))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _initialised(make: Make) -> nn.Module:
    """The module with the values that its constructor draws, from a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed would also reseed the GPUs
        return make()


def _settled(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if getattr(part, "inplace", False) is True:
            setattr(part, "inplace", False)  # noqa: B010 (a plain attribute, not a submodule)
    return module.eval().requires_grad_(False)
