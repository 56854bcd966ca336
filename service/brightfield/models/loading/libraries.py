"""Architectures of installed libraries: `timm:<model>` and `smp:<class>` on a card."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard, nearest
from brightfield.models.loading.arguments import with_nulls

_FETCHING = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path")
_SMP = "segmentation_models_pytorch"


def build_timm(card: ModelCard) -> nn.Module:
    """The network of `timm:<model>` without weights; its arguments are those of timm.create_model.

    Nothing is downloaded: `pretrained` and what else would fetch weights is refused, and names of
    a hub (`hf-hub:`) aren't timm's own.

    Raises `InvalidCard` for an unknown model (with the nearest names), for arguments that it
    refuses, and if timm is not installed.
    """
    timm = _installed("timm", card)
    name = card.architecture.name.removeprefix("timm:")
    arguments = with_nulls(card.architecture.arguments, timm.create_model)
    _refuse(card, [key for key in _FETCHING if key in arguments])
    if not timm.is_model(name):
        raise InvalidCard(f"timm has no model {name!r}.{nearest(name, timm.list_models())}")
    try:
        module: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except (TypeError, ValueError, AssertionError) as fault:
        raise InvalidCard(f"timm:{name} refuses its arguments: {fault}.") from fault
    return module


def build_smp(card: ModelCard) -> nn.Module:
    """The network of `smp:<class>`, as `smp:Unet`, without weights; its arguments are the class's.

    `encoder_weights` is None, whatever the class has by default, so nothing is downloaded.

    Raises `InvalidCard` for an unknown class (with the nearest names), for arguments that it
    refuses, and if segmentation-models-pytorch is not installed.
    """
    smp = _installed(_SMP, card)
    name = card.architecture.name.removeprefix("smp:")
    known = smp_classes(smp)
    if name not in known:
        raise InvalidCard(
            f"segmentation-models-pytorch has no model {name!r}.{nearest(name, list(known))}"
        )
    arguments = with_nulls(card.architecture.arguments, known[name])
    _refuse(card, ["encoder_weights"] if arguments.get("encoder_weights") is not None else [])
    try:
        return known[name](**{**arguments, "encoder_weights": None})
    except (TypeError, ValueError, KeyError, AssertionError) as fault:
        raise InvalidCard(f"smp:{name} refuses its arguments: {fault}.") from fault


def smp_classes(smp: Any) -> dict[str, type[nn.Module]]:
    """The networks of segmentation-models-pytorch by the names of their classes."""
    return {
        name: value
        for name, value in vars(smp).items()
        if isinstance(value, type) and issubclass(value, smp.base.SegmentationModel)
    }


def _installed(package: str, card: ModelCard) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as fault:
        said = package.replace("_", "-")
        raise InvalidCard(
            f"{card.id} is a network of {said}, which is not installed here; run "
            f"`pip install {said}`."
        ) from fault


def _refuse(card: ModelCard, fetching: list[str]) -> None:
    if fetching:
        raise InvalidCard(
            f"{fetching[0]} of {card.id} would fetch weights, and a load downloads nothing; leave "
            "it out, and name a file of weights under [weights]."
        )
