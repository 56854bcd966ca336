"""Names of earlier versions of a network, as its own parts translate them when they are loaded."""

from __future__ import annotations

import warnings

from torch import Tensor, nn


def translated(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """A state dict with the names that the module has, where its parts know the earlier ones.

    Parts translate in hooks, or in a `_load_from_state_dict` of their own, as torchvision's feature
    pyramids do; those read their values at once, so what does not fit may be read in part.
    """
    found = dict(state)
    for name, part in module.named_modules():
        prefix = f"{name}." if name else ""
        with warnings.catch_warnings(action="ignore"):  # of parts that have no memory yet
            if type(part)._load_from_state_dict is not nn.Module._load_from_state_dict:
                part._load_from_state_dict(found, prefix, {}, False, [], [], [])
                continue
            for hook in part._load_state_dict_pre_hooks.values():
                hook(found, prefix, {}, False, [], [], [])
    return found
