from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from brightfield.images.windows import accumulate, window_grid
from brightfield.models.incremental import IncrementalPlan, Refusal, operations, trace

from .networks import FAMILIES, Zoo, family, incremental, leaves, noise, occluded, settled

FEW = settings(max_examples=3, deadline=None)


def traced(module: nn.Module, image: Tensor) -> IncrementalPlan:
    plan = trace(module, image)
    assert isinstance(plan, IncrementalPlan), plan
    return plan


def assert_equal(module: nn.Module, image: Tensor, rows: Any, cols: Any, tolerance: float) -> None:
    """Incremental = plain, within `tolerance` of the largest score; so is the base's output."""
    fill = noise(*image.shape, seed=1, dtype=image.dtype)
    schedule = traced(module, image).schedule(rows, cols)
    base = schedule.base(image)
    assert base.size_bytes == schedule.base_bytes
    pairs = [
        (incremental(schedule, base, fill), occluded(module, image, fill, rows, cols)),
        (leaves(base.output), leaves(module(image))),
    ]
    for found, wanted in pairs:
        for one, other in zip(found, wanted, strict=True):
            assert float((one - other).abs().max()) <= tolerance * float(other.abs().max())


def few(spans: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Both ends and the middle, for the plain side's sake."""
    return sorted({spans[0], spans[len(spans) // 2], spans[-1]})


def odd(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least // 2, most // 2).map(lambda half: 2 * half + 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "vgg11"])
@FEW
@given(
    st.tuples(st.integers(63, 75), st.integers(63, 75)),
    st.tuples(st.integers(1, 31), st.integers(1, 31)),
    st.integers(1, 12),
    st.sampled_from(["shift", "cut", "drop"]),
)
def test_equals_plain(
    name: str, size: tuple[int, int], window: tuple[int, int], step: int, border: Any
) -> None:
    module = copy.deepcopy(family(name)).double()
    grid = window_grid(size, window, (min(step, window[0]), min(step, window[1])), border)
    assert_equal(module, noise(1, 3, *size), few(grid.rows), few(grid.cols), 1e-10)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "side"),
    [
        *((name, side) for name in FAMILIES for side in (97, 224)),
        ("resnet18", 320),
        ("alexnet", 320),
    ],
)
@settings(max_examples=1, deadline=None, phases=[Phase.generate])
@given(odd(9, 49), odd(9, 49), odd(3, 31), st.sampled_from(["shift", "cut", "drop"]))
def test_equals_plain_at_common_sizes(
    name: str, side: int, height: int, width: int, step: int, border: Any
) -> None:
    module = copy.deepcopy(family(name)).double()
    stride = min(step, height), min(step, width)
    grid = window_grid((side, side), (height, width), stride, border)
    rows, cols = few(grid.rows)[::2], few(grid.cols)[1:]
    assert_equal(module, noise(1, 3, side, side), rows, cols, 1e-10)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(17, 30), st.integers(17, 30)),
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
    st.integers(1, 7),
    st.sampled_from(["shift", "cut", "drop"]),
)
def test_equals_plain_for_every_operation(
    size: tuple[int, int], window: tuple[int, int], step: int, border: Any
) -> None:
    torch.default_generator.manual_seed(2)
    module = settled(Zoo()).double()
    grid = window_grid(size, window, (min(step, window[0]), min(step, window[1])), border)
    assert_equal(module, noise(1, 1, *size), grid.rows, grid.cols, 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_single_precision(name: str) -> None:
    grid = window_grid((97, 97), (31, 31), (22, 22), "shift")
    module, image = family(name), noise(1, 3, 97, 97, dtype=torch.float32)
    fill = torch.zeros_like(image)
    schedule = traced(module, image).schedule(grid.rows, grid.cols)
    (found,) = incremental(schedule, schedule.base(image), fill)
    (wanted,) = occluded(module, image, fill, grid.rows, grid.cols)
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.max() - wanted.min())


def test_toy() -> None:
    """Calculated by hand: the score of the whole image is 54, and this is its occlusion map."""
    toy = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 4), nn.ReLU())
    state = toy.state_dict()
    state["0.weight"].fill_(1.0)
    state["0.bias"].copy_(torch.tensor([-50.0, -75.0]))
    state["3.weight"].copy_(torch.tensor([1.0, 1, 1, 1, 1, -1, -1, -1]).expand(4, 8))
    state["3.bias"].zero_()
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    grid = window_grid((4, 4), (3, 3), (2, 2), "cut")
    schedule = traced(toy.eval(), image).schedule(grid.rows, grid.cols)
    base = schedule.base(image)
    (after,) = incremental(schedule, base, torch.zeros_like(image))
    assert base.output.tolist() == [[54.0] * 4]
    assert accumulate(grid, (base.output - after)[..., 0]).tolist() == [
        [44, 44, 38.5, 33],
        [44, 44, 38.5, 33],
        [49, 49, 44.5, 40],
        [54, 54, 50.5, 47],
    ]


def test_one_rectangle_is_a_cheap_pass() -> None:
    image = noise(1, 3, 224, 224, dtype=torch.float32)
    schedule = traced(family("resnet18"), image).schedule([(101, 123)], [(57, 80)])
    (chunk,) = schedule.chunks
    assert 2 * chunk.work.multiply_adds < schedule.plain_work.multiply_adds / 2


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, training=True).mean((2, 3))


def grouped_norm() -> nn.Module:
    layers = (nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 32, 3))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (partial(models.efficientnet_b0, num_classes=3), "squeeze-excitation"),
        (partial(models.vit_b_32, image_size=64, num_classes=3), "rearranges its maps"),
        (grouped_norm, "normalises over the whole map"),
        (Branching, "depends on the values"),
        (Noisy, "random"),
    ],
    ids=["efficientnet", "transformer", "group norm", "branching", "noisy"],
)
def test_refusals_say_why(make: Callable[[], nn.Module], reason: str) -> None:
    found = trace(make().eval(), torch.zeros(1, 3, 64, 64))
    assert isinstance(found, Refusal)
    assert reason in found.reason
    assert found.reason.endswith(".")


def test_training_mode_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert isinstance(trace(module, torch.zeros(1, 3, 8, 8)), Refusal)
    assert int(module[1].num_batches_tracked) == 0  # type: ignore[arg-type]


def test_a_change_in_place_of_what_is_read_elsewhere_is_refused() -> None:
    class Alias(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            maps: Tensor = self.conv(x)
            view = maps[:, :2]
            maps.relu_()
            return view.mean((2, 3))

    found = trace(Alias().eval(), torch.zeros(1, 3, 8, 8))
    assert isinstance(found, Refusal)
    assert "relu_ writes in place through a view" in found.reason


def test_the_module_stays_as_it_was_while_another_thread_predicts() -> None:
    module = copy.deepcopy(family("resnet18")).double()
    image, seen = noise(1, 3, 64, 64), noise(2, 3, 64, 64, seed=2)
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    attributes = {name: set(vars(part)) for name, part in module.named_modules()}
    wanted = module(seen)
    answers: list[Tensor] = []
    done = threading.Event()

    def predict() -> None:
        while not done.is_set():
            answers.append(module(seen))

    other = threading.Thread(target=predict)
    other.start()
    try:
        schedule = traced(module, image).schedule([(0, 20), (30, 50)], [(10, 30)])
        base = schedule.base(image)
        for chunk in schedule.chunks:
            chunk.run(base, torch.zeros_like(image))
    finally:
        done.set()
        other.join()
    assert answers
    assert all(torch.equal(answer, wanted) for answer in answers)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, state[name])
    for name, part in module.named_modules():
        assert not part.training
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert set(vars(part)) == attributes[name]


MEAN, STD = torch.tensor([0.4, 0.5, 0.3]), torch.tensor([0.2, 0.3, 0.25])


class Broadcasting(nn.Module):
    """Constants for every channel beside everything that may read them."""

    def __init__(self, way: str) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.stem, self.norm = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8)
        self.gate, self.last = nn.Conv2d(8, 1, 1), nn.Conv2d(8, 4, 3)
        self.vector = torch.rand(8, 1, 1) + 0.5
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        vector = self.vector.to(x)
        if self.way == "mean and std":
            return self.last(self.stem((x - MEAN.to(x)[:, None, None]) / STD.to(x)[:, None, None]))
        x = self.stem(x)
        match self.way:
            case "norm behind":
                x = self.norm(x.relu())
            case "one by many":
                x = self.gate(x).sigmoid() * vector
            case "padded":
                x = functional.pad(self.norm(x), (2, 1, 0, 3), value=0.5).sigmoid() * vector
            case "double constant":
                x = (x * vector.double()[None]).to(x.dtype)
        return self.last(x)


@pytest.mark.parametrize("side", [13, 26])
@pytest.mark.parametrize(
    "way", ["mean and std", "norm behind", "one by many", "padded", "double constant"]
)
def test_constants_for_every_channel_stay_with_their_channels(way: str, side: int) -> None:
    """Also where a crop has as many rows as a map has channels, and where a crop is a whole map."""
    module = nn.Sequential(settled(Broadcasting(way)), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for window in (3, 6, 8):
        grid = window_grid((side, side), (window, window), (2, 3), "shift")
        image = noise(1, 3, side, side)
        assert_equal(module.eval().double(), image, grid.rows, grid.cols, 1e-10)


class Reading(nn.Module):
    """Takes another way where something that it reads out is large."""

    def __init__(self, read: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.read = nn.Conv2d(3, 4, 3), read

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.conv(x)
        if self.read(maps) > 1e6:
            maps = -maps
        return maps.mean((2, 3))


def written(maps: Tensor) -> float:
    torch.zeros(8)[:4].copy_(maps[0, :, 0, 0])
    return 0.0


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (lambda maps: maps.detach().numpy().max(), "numpy"),
        (lambda maps: max(maps.flatten().tolist()), "tolist"),
        (lambda maps: np.asarray(maps).max(), "array"),
        (lambda maps: maps.max().item(), "local_scalar_dense"),
        (lambda maps: len(maps[maps > 0.5]), "index"),
        (lambda maps: torch.equal(maps, maps + 1), "equal"),
        (written, "copy_ writes into a tensor of the module's own"),
    ],
)
def test_what_is_read_out_is_named(read: Callable[[Tensor], Any], named: str) -> None:
    found = trace(Reading(read).eval(), torch.zeros(1, 3, 8, 8))
    assert isinstance(found, Refusal)
    assert named in found.reason


def test_an_overwritten_view_that_nobody_reads_is_no_harm() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            first, second = self.conv(x).chunk(2, dim=1)
            return torch.cat([first.relu_(), second], dim=1).mean((2, 3))

    assert isinstance(trace(Halves().eval(), torch.zeros(1, 3, 40, 40)), Refusal | IncrementalPlan)


@pytest.mark.parametrize(
    ("layer", "named"),
    [(nn.GroupNorm(2, 8), "native_group_norm"), (nn.InstanceNorm2d(8), "batch_norm")],
)
def test_the_operation_that_fits_one_row_alone_is_named(layer: nn.Module, named: str) -> None:
    convolutions = [nn.Conv2d(3, 64, 5), nn.ReLU(), nn.Conv2d(64, 8, 3)]
    module = nn.Sequential(*convolutions, layer, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = trace(module.eval(), torch.zeros(1, 3, 24, 24))
    assert isinstance(found, Refusal)
    assert named in found.reason


def test_a_plan_that_is_wrong_on_crops_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete maps are right in it, which is all that could be seen before."""
    module = settled(Broadcasting("norm behind"))
    right = operations.Pointwise.on_crops

    def shifted(self: Any, runner: Any, step: Any) -> None:
        right(self, runner, step)
        runner.values[step.output] = runner.values[step.output] + 0.1

    monkeypatch.setattr(operations.Pointwise, "on_crops", shifted)
    found = trace(module, torch.zeros(1, 3, 40, 40))
    assert isinstance(found, Refusal)
    assert "on crops" in found.reason


@pytest.mark.parametrize(
    "function",
    [
        *(torch.relu, torch.sigmoid, torch.tanh, torch.exp, torch.square, torch.neg, torch.erf),
        *(functional.gelu, functional.silu, functional.mish, functional.elu, functional.selu),
        *(functional.softplus, functional.leaky_relu, functional.celu, functional.relu6),
        *(functional.hardswish, functional.hardsigmoid, functional.hardtanh),
        lambda x: functional.gelu(x, approximate="tanh"),
    ],
)
def test_a_function_of_one_channel_is_written_into_its_place(
    function: Callable[[Tensor], Tensor],
) -> None:
    """Crops of one channel are dense in every order, where kernels of their own are chosen."""

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 1, 3), nn.Conv2d(1, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(function(self.first(x))).mean((2, 3))

    torch.manual_seed(0)
    image = noise(1, 3, 26, 26, dtype=torch.float32)
    spans = [(0, 6), (9, 15), (20, 26)]
    assert_equal(Network().eval().requires_grad_(False), image, spans, spans, 1e-5)
