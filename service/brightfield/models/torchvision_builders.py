"""torchvision's builders as architectures: `torchvision:<builder>` on a card."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from brightfield.errors import InvalidCard, nearest

# Published DenseNet weights are older than the rule that module names hold no dots.
_DENSE_LAYER = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
_AUXILIARY = re.compile(r"(?:aux1|aux2|AuxLogits|aux_classifier)\.")


def build_torchvision(builder: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The builder's module without weights; `arguments` are the builder's own.

    Raises `InvalidCard` for an unknown builder (with the nearest names), for arguments that the
    builder refuses, and for `weights` among them, which would download.
    """
    from torchvision.models import get_model_builder, list_models

    known = list_models()
    if builder not in known:
        raise InvalidCard(f"torchvision has no model {builder!r}.{nearest(builder, known)}")
    if refused := sorted({"weights", "weights_backbone"} & arguments.keys()):
        raise InvalidCard(f"Move {refused[0]} from [architecture] to [weights].")
    make = get_model_builder(builder)
    try:
        module: nn.Module = make(**_without_weights(builder, make), **arguments)
    except (TypeError, ValueError) as fault:
        raise InvalidCard(f"torchvision:{builder} refuses its arguments: {fault}.") from fault
    return module


def rename_torchvision(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """A published state dict with the keys of today's modules, less heads that `module` lacks.

    DenseNet's `denselayer1.norm.1.weight` becomes `denselayer1.norm1.weight`; the auxiliary heads
    of GoogLeNet, Inception and the segmenters serve training alone.
    """
    heads = {name for name, child in module.named_children() if child is not None}
    return {
        _DENSE_LAYER.sub(r"\1\2", key): tensor
        for key, tensor in state.items()
        if not _AUXILIARY.match(key) or key.partition(".")[0] in heads
    }


def _without_weights(builder: str, make: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(make).parameters:
        defaults["weights_backbone"] = None
    if builder in ("googlenet", "inception_v3"):
        defaults["init_weights"] = False  # their own initialisation is slow and deprecated
    return defaults
