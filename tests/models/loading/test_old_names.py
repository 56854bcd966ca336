"""A network's parts translate the names of their earlier versions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.ops import FeaturePyramidNetwork

from brightfield.models.loading.old_names import translated


class Renamed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.now = nn.Linear(2, 2)
        self.register_load_state_dict_pre_hook(self._rename)

    @staticmethod
    def _rename(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
        for kind in ("weight", "bias"):
            if f"{prefix}before.{kind}" in state:
                state[f"{prefix}now.{kind}"] = state.pop(f"{prefix}before.{kind}")


def test_by_a_hook_or_by_a_way_of_their_own() -> None:
    module = nn.ModuleDict({"mine": Renamed(), "pyramid": FeaturePyramidNetwork([2, 3], 4)})
    today = module.state_dict()
    old = {
        name.replace("now", "before").replace(".0.weight", ".weight").replace(".0.bias", ".bias"):
        torch.full_like(value, number)
        for number, (name, value) in enumerate(today.items())
    }  # fmt: skip
    assert set(old) & set(today) == set()
    found = translated(old, module)
    assert set(found) == set(today)
    assert all(found[name].unique().tolist() == [i] for i, name in enumerate(today))
    assert set(translated(found, module)) == set(today)
