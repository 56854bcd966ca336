"""Which numbers of a network were drawn, and which of them are none."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision.models import squeezenet1_0

from brightfield.models.examination.values import DrawnNumbers, kept_buffers, not_numbers

STATE = io.BytesIO()
torch.save(nn.Linear(3, 2).state_dict(), STATE)


def loaded() -> nn.Module:
    module = nn.Linear(3, 2)
    STATE.seek(0)
    module.load_state_dict(torch.load(STATE))
    return module


def assigned() -> nn.Module:
    module = nn.Linear(3, 2)
    STATE.seek(0)
    module.load_state_dict(torch.load(STATE), assign=True)
    return module


def exchanged() -> nn.Module:
    module = nn.Linear(3, 2)
    module.weight.data, module.bias.data = torch.ones(2, 3), torch.zeros(2)
    return module


def constant() -> nn.Module:
    module = nn.Linear(3, 2)
    nn.init.constant_(module.weight, 0.5)
    nn.init.zeros_(module.bias)
    return module


def half() -> nn.Module:
    """A backbone with its weights and a new head."""
    return nn.Sequential(loaded(), nn.Linear(2, 2))


def initialised(by: Callable[[torch.Tensor], object]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        module = constant()
        by(module.weight)
        return module

    return make


def held(make: Callable[[], torch.Tensor]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        module = nn.Module()
        module.weight = nn.Parameter(make())
        return module

    return build


CASES: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    "a new layer": (lambda: nn.Linear(3, 2), {"weight", "bias"}),
    "loaded": (loaded, set()),
    "loaded by assignment": (assigned, set()),
    "exchanged": (exchanged, set()),
    "constant": (constant, set()),
    "half": (half, {"1.weight", "1.bias"}),
    "a copy of a new layer": (lambda: copy.deepcopy(nn.Linear(3, 2)), {"weight", "bias"}),
    "normal": (initialised(nn.init.normal_), {"weight"}),
    "cut off": (initialised(nn.init.trunc_normal_), {"weight"}),
    "orthogonal": (initialised(nn.init.orthogonal_), {"weight"}),
    "He": (initialised(nn.init.kaiming_uniform_), {"weight"}),
    "drawn": (held(lambda: torch.randn(2, 3)), {"weight"}),
    "drawn and scaled": (held(lambda: 0.02 * torch.randn(2, 3)), {"weight"}),
    "a table": (held(lambda: torch.arange(6.0)), set()),
}


@pytest.mark.parametrize(("make", "names"), CASES.values(), ids=CASES)
def test_drawn_parameters(make: Callable[[], nn.Module], names: set[str]) -> None:
    with DrawnNumbers() as drawn:
        module = make()
    assert set(drawn.parameters(module)) == names


def test_memory_is_not_mistaken_for_that_of_a_tensor_before() -> None:
    with DrawnNumbers() as drawn:
        for _ in range(50):
            torch.randn(64)
            module = held(lambda: torch.arange(64.0))()
            assert not drawn.parameters(module)


def test_a_whole_network() -> None:
    with DrawnNumbers() as drawn:
        module = squeezenet1_0(weights=None, num_classes=2)
    weights = {name for name, _ in module.named_parameters() if name.endswith("weight")}
    assert weights <= set(drawn.parameters(module))


def test_numbers_that_are_none() -> None:
    module = nn.BatchNorm1d(3)
    assert not_numbers(module) == {}
    module.running_var[1], module.weight.data[0] = torch.inf, torch.nan
    assert not_numbers(module) == {"weight": "NaN", "running_var": "infinity"}


def test_buffers_are_put_back() -> None:
    module = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3).eval())
    other = module[1].running_mean
    with kept_buffers(module) as changed, torch.inference_mode():
        module(torch.full((4, 3), torch.nan))
        module[1].running_mean = torch.ones(3)
    assert changed[:2] == ["0.running_mean", "0.running_var"] and "1.running_mean" in changed
    assert torch.equal(module[0].running_mean, torch.zeros(3))
    assert module[1].running_mean is other
