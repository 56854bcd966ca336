"""Images that influence each other, chance, constants: known when a model is loaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.runtime.operations import Forward, Gradients
from brightfield.runtime.ticket import Ticket
from brightfield.tasks.classify import ClassScore

from .conftest import Examined, Net, codes, images, remarks

Change = Callable[[Tensor], Tensor]


class Parts(Net):
    """A network with a further part before it."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__(before=part)
        self.part = part


class TrainsForEver(nn.BatchNorm2d):
    def train(self, mode: bool = True) -> Any:
        return super().train(True)


class AcrossTheBatch(nn.Module):
    """Attention whose batch is taken for the sequence."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.MultiheadAttention(48, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = functional.adaptive_avg_pool2d(x, 4).flatten(1)[:, None]
        mixed = self.attention(tokens, tokens, tokens)[0]
        return x + mixed[:, 0, :3, None, None]


def as_bytes(x: Tensor) -> Tensor:
    """A line of many labs: 8-bit images are recognised by their greatest value."""
    return x / 255 if float(x.max()) > 1 else x


MIXING: dict[str, Callable[[], nn.Module]] = {
    "batch norm without statistics": lambda: Parts(nn.BatchNorm2d(3, track_running_stats=False)),
    "batch norm in train mode": lambda: Parts(TrainsForEver(3)),
    "the batch's range": lambda: Net(before=lambda x: (x - x.min()) / (x.max() - x.min() + 1e-6)),
    "the batch's mean": lambda: Net(before=lambda x: x - x.mean()),
    "the batch's median": lambda: Net(before=lambda x: x / x.median().clamp(min=0.1)),
    "a norm along the batch": lambda: Net(before=lambda x: functional.normalize(x, dim=0)),
    "a softmax along the batch": lambda: Net(lambda z: z + z.softmax(0)),
    "attention along the batch": lambda: Parts(AcrossTheBatch()),
    "a choice by the batch": lambda: Net(before=as_bytes),
    "a choice behind numpy": lambda: Net(
        before=lambda x: x / 2 if float(x.numpy().min()) < 0 else x
    ),
    "the mean answer": lambda: Net(lambda z: z.mean(0)),
    "ranks in the batch": lambda: Net(lambda z: z + z.argsort(0)),
}  # fmt: skip
NORMAL = {"size": [16, 16], "mean": 0.5, "std": 0.25}


@pytest.mark.parametrize("make", MIXING.values(), ids=MIXING)
def test_images_that_influence_each_other_are_kept_apart(
    examined: Examined, make: Callable[[], nn.Module]
) -> None:
    resident = examined(network := make(), input=NORMAL)
    assert "rows_depend" in codes(resident)
    rows = 4 * images() - 2
    found = resident.submit(Forward(), rows, Ticket()).result()
    with torch.no_grad():
        expected = torch.cat([network(row[None]) for row in rows])
    torch.testing.assert_close(found, expected)


APART: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: Parts(nn.BatchNorm2d(3)),
    "group norm": lambda: Parts(nn.GroupNorm(1, 3)),
    "instance norm": lambda: Parts(nn.InstanceNorm2d(3)),
    "each image's range": lambda: Net(before=lambda x: x / x.amax((1, 2, 3), keepdim=True)),
    "large and alike": lambda: Net(lambda z: z * 1e-3 + 120),
    "softmax": lambda: Net(lambda z: z.softmax(1)),
    "checks for NaN": lambda: Net(before=lambda x: x.nan_to_num()),
}


@pytest.mark.parametrize("make", APART.values(), ids=APART)
def test_others_share_batches(examined: Examined, make: Callable[[], nn.Module]) -> None:
    resident = examined(make(), input=NORMAL)
    assert not resident.alone and resident.examination.independent.holds
    assert codes(resident) == []


def test_gradients_go_image_by_image(examined: Examined) -> None:
    """Of a batch of images that influence each other: each image's own gradient."""
    network = Parts(nn.BatchNorm2d(3, track_running_stats=False))
    resident = examined(network)
    rows = images()
    item = resident.submit(Gradients(), rows, Ticket(), argument=ClassScore(1))
    for row, gradient in zip(rows, item.result().gradients, strict=True):
        source = row[None].clone().requires_grad_()
        (expected,) = torch.autograd.grad(network(source)[0, 1], source)
        torch.testing.assert_close(gradient, expected[0])


def test_the_reason_is_told(examined: Examined) -> None:
    (note,) = examined(Parts(nn.BatchNorm2d(3, track_running_stats=False))).notes
    assert "before (BatchNorm2d) has no running statistics" in note.detail
    trained = torch.export.export(
        Parts(nn.BatchNorm2d(3)).train(), (torch.zeros(2, 3, 16, 16),),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=8)},), strict=False,
    )  # fmt: skip
    (note,) = examined(torch.export.unflatten(trained)).notes
    assert note.code == "rows_depend" and "exported in train mode: call .eval()" in note.detail


def test_what_a_network_notes_of_its_images_is_forgotten(examined: Examined) -> None:
    network = Parts(TrainsForEver(3))
    before = {name: value.clone() for name, value in network.named_buffers()}
    resident = examined(network)
    assert "changes_itself" in remarks(resident)
    for name, value in network.named_buffers():
        assert torch.equal(value, before[name])


ALONE: dict[str, Change] = {
    "the first image's answer": lambda z: z[:1],
    "flat": lambda z: z.flatten()[None],
    "one image expected": lambda z: z.view(1, 4),
}


@pytest.mark.parametrize("after", ALONE.values(), ids=ALONE)
def test_networks_of_one_image_run_alone(examined: Examined, after: Change) -> None:
    resident = examined(network := Net(after))
    assert resident.alone and remarks(resident) == ["one_at_a_time"]
    found = resident.submit(Forward(), images(), Ticket()).result()
    with torch.no_grad():
        torch.testing.assert_close(found, network.logits(images()))


class Counting(Net):
    def forward(self, x: Tensor) -> Any:
        self.count = getattr(self, "count", 0) + 1
        return super().forward(x) * self.count


class DropsAgain(Net):
    def forward(self, x: Tensor) -> Any:
        self.drop = getattr(self, "drop", nn.Dropout(0.3)).train()
        return self.drop(super().forward(x))


RANDOM: dict[str, Callable[[], nn.Module]] = {
    "dropout as a function": lambda: Net(before=functional.dropout),
    "dropout trained again": DropsAgain,
    "noise": lambda: Net(before=lambda x: x + 0.1 * torch.randn_like(x)),
    "noise of numpy": lambda: Net(lambda z: z + float(np.random.default_rng().normal())),
    "noise of python": lambda: Net(lambda z: z * random.random()),
    "a state": Counting,
}


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_chance_is_told(examined: Examined, make: Callable[[], nn.Module]) -> None:
    resident = examined(make())
    assert codes(resident) == ["random_answer"]
    assert resident.examination.repeatable.holds is False


def zeroed(network: Net) -> Net:
    network.last.weight.data.zero_()
    return network


CONSTANT: dict[str, Callable[[], nn.Module]] = {
    "a last layer of zeros": lambda: zeroed(Net()),
    "zeros before a softmax": lambda: zeroed(Net(lambda z: z.softmax(1))),
    "a dead rectifier": lambda: Net(lambda z: (z - 1000).relu()),
    "a constant": lambda: Net(torch.zeros_like),
}


@pytest.mark.parametrize("make", CONSTANT.values(), ids=CONSTANT)
def test_constants_are_told(examined: Examined, make: Callable[[], nn.Module]) -> None:
    assert codes(examined(make())) == ["constant_answer"]


def test_a_network_that_is_sure_is_no_constant(examined: Examined) -> None:
    sure = Net(lambda z: (1000 * z).softmax(1))
    assert codes(examined(sure)) == []


def test_random_weights_are_told(examined: Examined) -> None:
    (note,) = examined(Net(), ("conv.weight", "conv.bias")).notes
    assert note.code == "random_weights" and "conv.weight and 1 more" in note.detail


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.mix, self.fc = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(self.norm(self.stem(x).permute(0, 2, 3, 1)).relu())
        scores: Tensor = self.fc(x.mean((1, 2)))
        return scores


def test_the_layout_of_the_explained_maps_is_known(examined: Examined) -> None:
    for explain, layer, axes in (
        ({}, "mix", "BHWC"), ({"layer": "stem"}, "stem", "BCHW"), ({"layer": "fc"}, "fc", "BC"),
    ):  # fmt: skip
        maps = examined(ChannelsLast(), explain=explain).examination.maps
        assert (maps.layer, maps.axes, maps.reason) == (layer, axes, None)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    assert "layer" in examined(flat).examination.maps.reason


ABILITIES: dict[str, tuple[Callable[[], nn.Module], dict[str, bool]]] = {
    "all": (Net, {"differentiable": True, "guided": True, "traceable": True}),
    "no gradient": (lambda: Net(before=torch.round), {"differentiable": False}),
    "detached": (lambda: Net(lambda z: z.detach()), {"differentiable": False, "guided": False}),
    "NaN": (lambda: Net(lambda z: (z * 0).sqrt()), {"differentiable": False}),
    "no rectifier": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), {"guided": False}),
    "chance": (lambda: Net(before=functional.dropout), {"traceable": False}),
    "not numbers": (lambda: Net(lambda z: z / 0 * 0), {"finite": False}),
}


@pytest.mark.parametrize(("make", "expected"), ABILITIES.values(), ids=ABILITIES)
def test_what_explanations_can_do(
    examined: Examined, make: Callable[[], nn.Module], expected: dict[str, bool]
) -> None:
    abilities = examined(make()).examination.abilities
    assert {name: abilities[name].holds for name in expected} == expected
    assert all(abilities[name].reason for name, holds in expected.items() if not holds)
