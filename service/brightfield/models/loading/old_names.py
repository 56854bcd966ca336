"""Names of earlier versions of a network, as its own parts translate them when they are loaded."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def translated(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """A state dict with the names that the module has, where its parts know the earlier ones.

    Parts translate in hooks, or in a `_load_from_state_dict` of their own, as torchvision's feature
    pyramids do; those read their values at once, so what does not fit may be read in part.
    """
    found = dict(state)
    for name, part in module.named_modules():
        prefix = f"{name}." if name else ""
        # What is assigned needs no memory of the part, which may have none yet.
        known: dict[str, Any] = {"assign_to_params_buffers": True}
        if type(part)._load_from_state_dict is not nn.Module._load_from_state_dict:
            part._load_from_state_dict(found, prefix, known, False, [], [], [])
            continue
        for hook in part._load_state_dict_pre_hooks.values():
            hook(found, prefix, known, False, [], [], [])
    return found
