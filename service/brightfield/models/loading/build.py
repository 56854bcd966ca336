"""From a card to a module with its weights: on the CPU, in eval mode, ready to explain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path

from torch import Tensor, nn
from torch.jit import ScriptModule

import brightfield.models
from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, nearest
from brightfield.models.architecture import Architecture
from brightfield.models.loading.arguments import with_nulls
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.detection_lists import read_detection_lists
from brightfield.models.loading.export import load_export
from brightfield.models.loading.foreign_code import foreign_code
from brightfield.models.loading.input_sizes import check_sizes, sizes_of
from brightfield.models.loading.lab_code import build_lab_code
from brightfield.models.loading.libraries import build_smp, build_timm
from brightfield.models.loading.old_names import translated
from brightfield.models.loading.onnx_program import load_onnx
from brightfield.models.loading.skeleton import Make, initialised, skeleton
from brightfield.models.loading.state import fitting
from brightfield.models.loading.torchscript import load_torchscript
from brightfield.models.loading.weights import locate, verify
from brightfield.models.torchvision.builders import build_torchvision, rename_torchvision
from brightfield.plugins import discover

Rename = Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]
Making = Callable[[ModelCard, Path | None, bool], nn.Module]
"""Builds a card's network from its files, with the data folder and whether its code is trusted."""


def _as_it_is(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    return state


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
    name = card.architecture.name
    kind = next((kind for kind in _KINDS if name == kind or name.startswith(f"{kind}:")), None)
    with foreign_code(f"Building {card.id}", InvalidCard):  # a lab's module may override anything
        making = _catalog if kind is None else _KINDS[kind]
        return _settled(making(card, data, trust_model_code))


def load_weights(
    module: nn.Module, card: ModelCard, data: Path | None, rename: Rename = _as_it_is
) -> None:
    """Put the card's verified weights into `module`; `rename` translates published keys.

    Raises `DamagedWeights` naming the first keys that are missing, unexpected or of another shape.
    """
    path = locate(card, data)
    verify(path, card.weights.sha256 if card.weights else None)
    checkpoint = read_checkpoint(path)
    own = module.state_dict()
    state = fitting(
        checkpoint, own, card, lambda published: translated(rename(published, module), module)
    )
    module.load_state_dict(state, strict=False, assign=True)


def _program(
    load: Callable[..., nn.Module], card: ModelCard, data: Path | None, trust: bool
) -> nn.Module:
    """A network that is its file."""
    path = locate(card, data)
    verify(path, card.weights.sha256 if card.weights else None)
    arguments = card.architecture.arguments
    try:
        signature(load).bind(path, trust_model_code=trust, **arguments)
    except TypeError as fault:
        raise InvalidCard(f"{card.architecture.name} of {card.id} refuses: {fault}.") from fault
    module = load(path, trust_model_code=trust, **arguments)
    check_sizes(card, sizes_of(module))
    return module


def _lab(card: ModelCard, data: Path | None, trust: bool) -> nn.Module:
    module = initialised(lambda: build_lab_code(card, trust_model_code=trust))
    if card.weights is not None:
        load_weights(module, card, data)
    read_detection_lists(module, card)
    return module


def _library(
    make: Callable[[ModelCard], nn.Module],
    rename: Rename,
    card: ModelCard,
    data: Path | None,
    trust: bool,
) -> nn.Module:
    return _filled(lambda: make(card), rename, card, data)


def _catalog(card: ModelCard, data: Path | None, trust: bool) -> nn.Module:
    name = card.architecture.name
    catalog = discover(brightfield.models, Architecture)
    if name not in catalog:
        known = [*catalog, *_KINDS]
        raise InvalidCard(
            f"{card.id} names the architecture {name!r}, which is not one of "
            f"{', '.join(sorted(catalog))}, export, onnx, torchscript, torchvision:<builder>, "
            f"timm:<model>, smp:<class>, python:<file or module>:<callable>.{nearest(name, known)}"
        )
    architecture = catalog[name]

    def make() -> nn.Module:
        try:
            return architecture(**with_nulls(card.architecture.arguments, architecture))
        except (TypeError, ValueError) as fault:
            raise InvalidCard(f"{name} refuses the arguments of {card.id}: {fault}.") from fault

    return _filled(make, lambda state, module: architecture.rename(state), card, data)


def _filled(make: Make, rename: Rename, card: ModelCard, data: Path | None) -> nn.Module:
    if card.weights is None:
        return initialised(make)
    locate(card, data)  # a missing file is reported before anything is built
    module = skeleton(make)
    load_weights(module, card, data, rename)
    return module


def _settled(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if getattr(part, "inplace", False) is True and not isinstance(part, ScriptModule):
            setattr(part, "inplace", False)  # noqa: B010 (a plain attribute, not a submodule)
    for parameter in module.parameters():  # a ScriptModule has no requires_grad_ of its own
        parameter.requires_grad_(False)
    return module.eval()


PROGRAMS = frozenset({"export", "onnx", "torchscript"})
"""Architectures that are their files: network and weights in one."""
_KINDS: Mapping[str, Making] = {
    "export": partial(_program, load_export),
    "onnx": partial(_program, load_onnx),
    "torchscript": partial(_program, load_torchscript),
    "torchvision": partial(_library, build_torchvision, rename_torchvision),
    "timm": partial(_library, build_timm, _as_it_is),
    "smp": partial(_library, build_smp, _as_it_is),
    "python": _lab,
}
