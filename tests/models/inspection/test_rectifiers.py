from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models
from torchvision.models import googlenet

from brightfield.models.inspection.rectifiers import Guided

from .conftest import FreedAtOnce

ATEN = torch.ops.aten
RELU: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu by name": lambda x: F.relu(input=x),
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "x.relu": lambda x: x.relu(),
    "x.relu_": lambda x: x.relu_(),
    "x.clamp": lambda x: x.clamp(min=0),
    "x.clip": lambda x: x.clip(0),
    "x.clamp_min_": lambda x: x.clamp_min_(0),
    "nn.Threshold": nn.Threshold(0, 0),
    "aten.relu": ATEN.relu.default,
    "aten.relu_": ATEN.relu_.default,
    "aten.clamp_min": lambda x: ATEN.clamp_min.default(x, 0),
    "the packet aten.relu": ATEN.relu,
}
CAPPED: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6 in place": nn.ReLU6(inplace=True),
    "F.relu6": F.relu6,
    "nn.Hardtanh": nn.Hardtanh(0, 6),
    "F.hardtanh_": lambda x: F.hardtanh_(x, 0, 6),
    "torch.clamp": lambda x: torch.clamp(x, 0, 6),
    "x.clamp_": lambda x: x.clamp_(min=0, max=6),
    "aten.hardtanh": lambda x: ATEN.hardtanh.default(x, 0.0, 6.0),
    "aten.hardtanh_": lambda x: ATEN.hardtanh_.default(x, 0.0, 6.0),
    "aten.relu6": ATEN.relu6.default,
}


class OwnRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x > 0)


class OwnReluOfItsResult(OwnRelu):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y


def scripted(
    function: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates it
        made: Callable[[Tensor], Tensor] = torch.jit.trace(function, torch.zeros(9, dtype=dtype))
    return made


def in_place(x: Tensor) -> Tensor:
    x[x < 0] = 0
    return x


RELU |= {
    "a clamp by a tensor": lambda x: x.clamp(torch.zeros((), dtype=x.dtype)),
    "where": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "where of a number": lambda x: torch.where(x > 0, x, 0.0),
    "where of the negative": lambda x: torch.where(x <= 0, 0.0, x),
    "x.where": lambda x: x.where(x > 0, 0),
    "a mask": lambda x: x * (x > 0),
    "a mask of numbers": lambda x: x * (x > 0).to(x),
    "a mask, before": lambda x: (x > 0) * x,
    "a mask in place": lambda x: x.mul_(x.detach() > 0),
    "torch.mul": lambda x: torch.mul(x, x.gt(0)),
    "heaviside": lambda x: x * torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype)),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum, behind": lambda x: torch.maximum(torch.zeros((), dtype=x.dtype), x),
    "torch.max": lambda x: torch.max(x, torch.zeros_like(x)),
    "fmax": lambda x: torch.fmax(x, torch.zeros_like(x)),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "masked_fill_": lambda x: x.masked_fill_(x.detach() < 0, 0),
    "by index": in_place,
    "leaky by 0": lambda x: F.leaky_relu(x, 0.0),
    "prelu by 0": lambda x: F.prelu(x, torch.zeros(1, dtype=x.dtype)),
    "half of what it is with its magnitude": lambda x: (x + x.abs()) / 2,
    "aten.where": lambda x: ATEN.where.self(x > 0, x, torch.zeros_like(x)),
    "an own function": OwnRelu.apply,
    "an own function that keeps its result": OwnReluOfItsResult.apply,
    "TorchScript": scripted(nn.ReLU(), torch.float64),
    "a clamp in TorchScript": scripted(lambda x: x.clamp(min=0), torch.float64),
}
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "leaky": F.leaky_relu,
    "gelu": F.gelu,
    "hardtanh": F.hardtanh,
    "clamp from 1": lambda x: x.clamp(1, 6),
    "clamp below 0": lambda x: x.clamp(max=0),
    "clamp to nothing": lambda x: x.clamp(0, 0),
    "clamp by another tensor": lambda x: x.clamp(torch.ones(())),
    "a product with a mask": lambda x: x * (X > 1),
    "a choice by another": lambda x: torch.where(X > 1, x, 0),
    "a maximum with ones": lambda x: torch.maximum(x, torch.ones_like(x)),
    "threshold to 1": lambda x: F.threshold(x, 0, 1),
}
X = torch.tensor([-8.0, -1, 0, 1, 5, 7, -2, 3, 9], dtype=torch.float64)
W = torch.tensor([1.0, -1, 1, -1, 1, 1, -1, 1, -1], dtype=torch.float64)


def gradient(rectifier: Callable[[Tensor], Tensor], x: Tensor = X) -> tuple[Tensor, Tensor, int]:
    """(output, d sum(W * output) / d x, rectifiers reached)."""
    source = x.clone().requires_grad_()
    with Guided() as guide:
        y = rectifier(source.clone())
        guide.follow(y)
        (found,) = torch.autograd.grad((W * y).sum(), source)
    return y.detach(), found, guide.reached


@pytest.mark.parametrize("name", RELU)
def test_every_relu_passes_positive_gradient_where_its_input_was(name: str) -> None:
    y, found, reached = gradient(RELU[name])
    assert reached == 1
    assert torch.equal(y, X * (X > 0))
    assert torch.equal(found, W * ((X > 0) & (W > 0)))


@pytest.mark.parametrize("name", CAPPED)
def test_a_capped_relu_is_flat_from_its_cap_on(name: str) -> None:
    y, found, reached = gradient(CAPPED[name])
    assert reached == 1
    assert torch.equal(y, (X * (X > 0)).minimum(torch.tensor(6.0)))
    assert torch.equal(found, W * ((X > 0) & (X < 6) & (W > 0)))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_relu_keeps_its_gradient(name: str) -> None:
    _, found, reached = gradient(OTHERS[name])
    source = X.clone().requires_grad_()
    (plain,) = torch.autograd.grad((W * OTHERS[name](source)).sum(), source)
    assert reached == 0
    assert torch.equal(found, plain)


class Stopping(torch.autograd.Function):
    """The sign, with a gradient where the input is near 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x.abs() <= 4)


MISSED: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "leaky_relu": F.leaky_relu,
    "Stopping": Stopping.apply,
    "where": scripted(lambda x: torch.where(x > 0, x, x * 0), torch.float32),
}


@pytest.mark.parametrize("name", MISSED)
def test_what_follows_no_rule_is_named(name: str) -> None:
    source = X.float().requires_grad_()
    with Guided() as guide:
        y = MISSED[name](source.clone())
        guide.follow(y)
        (found,) = torch.autograd.grad((W.float() * y).sum(), source)
    again = X.float().requires_grad_()
    (plain,) = torch.autograd.grad((W.float() * MISSED[name](again)).sum(), again)
    assert list(guide.missed) == [name]
    assert guide.reached == 0
    assert torch.equal(found, plain)


def test_what_is_positive_all_over_counts_if_it_is_chosen_by_its_sign() -> None:
    for name, rectifier in {**RELU, "a mask of ones": lambda x: x * torch.ones_like(x)}.items():
        y, found, reached = gradient(rectifier, x := X.abs() + 1)
        if reached:
            assert torch.equal(found, W.clamp(min=0)), name
        else:
            assert name in (
                "a mask of numbers", "heaviside", "a mask of ones", "an own function",
                "an own function that keeps its result",
            )  # fmt: skip
        assert torch.equal(y, x)


@pytest.mark.parametrize("name", RELU)
def test_an_infinite_gradient_is_stopped_where_it_is_masked(name: str) -> None:
    """The square root of a rectified value has an infinite gradient at 0."""
    source = X.clone().requires_grad_()
    with Guided() as guide:
        y = RELU[name](source.clone()).sqrt()
        guide.follow(y)
        (found,) = torch.autograd.grad(y.sum(), source)
    if not name.startswith("an own function"):  # which is masked by multiplication itself
        assert torch.equal(found, torch.where(X > 0, 0.5 / X.clamp(min=0.1).sqrt(), 0))


@pytest.mark.parametrize("name", ["F.relu", "nn.ReLU", "aten.relu"])
def test_other_branches_from_a_shared_input_are_not_clamped(name: str) -> None:
    """y = relu(z) - 3 z: the second branch passes -3 W, positive or not."""
    _, found, _ = gradient(lambda z: RELU[name](z) - 3 * z)
    assert torch.equal(found, W * ((X > 0) & (W > 0)) - 3 * W)


def test_a_view_that_is_rectified_in_place_is_guided_within_its_base() -> None:
    def first_half(z: Tensor) -> Tensor:
        z[:4].relu_()
        return z

    y, found, reached = gradient(first_half)
    first = torch.arange(9) < 4
    assert reached == 1
    assert torch.equal(y, torch.where(first, X.relu(), X))
    assert torch.equal(found, torch.where(first, W * ((X > 0) & (W > 0)), W))


def test_what_needs_no_gradient_is_left_alone() -> None:
    with Guided() as guide:
        assert torch.equal(F.relu(X), X.relu())
        with torch.no_grad():
            assert not F.relu(X.clone().requires_grad_()).requires_grad
    assert guide.reached == 0


def test_another_thread_does_not_see_it() -> None:
    opened, over = threading.Event(), threading.Event()
    found: list[Tensor] = []
    relu = nn.ReLU()

    def differentiate() -> None:
        opened.wait(10)
        source = X.clone().requires_grad_()
        found.extend(torch.autograd.grad((W * relu(source)).sum(), source))
        over.set()

    thread = threading.Thread(target=differentiate)
    thread.start()
    with Guided() as guide:
        opened.set()
        assert over.wait(10)
        source = X.clone().requires_grad_()
        y = relu(source)
    thread.join()
    (guided,) = torch.autograd.grad((W * y).sum(), source)
    assert torch.equal(found[0], W * (X > 0))
    assert not torch.equal(found[0], guided)
    assert guide.reached == 1


@pytest.mark.parametrize("followed", [False, True])
def test_a_graph_that_nobody_needs_is_freed_without_the_collector(
    followed: bool, freed_at_once: FreedAtOnce
) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Sigmoid(), nn.Conv2d(2, 2, 3))

    def guided() -> None:
        with Guided() as guide:
            scores = network(torch.ones(1, 1, 9, 9, requires_grad=True))
        if followed:
            guide.follow(scores)

    freed_at_once(network, guided)


class Exported(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ReLU(inplace=True)
        self.second = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        z = self.first(2 * x) - 3 * x
        return F.relu(self.second(z + 4))


def test_an_exported_program_is_guided_as_what_it_was_made_of() -> None:
    program = torch.export.unflatten(torch.export.export(Exported(), (X,)))
    expected, found = gradient(Exported()), gradient(program)
    assert found[2] == expected[2] == 3
    assert torch.equal(found[1], expected[1])
    assert not torch.equal(found[1], W * torch.ones_like(X))


def networks_gradient(module: nn.Module, images: Tensor, guide: Any) -> Tensor:
    source = images.clone().requires_grad_()
    with guide:
        output = module(source)
    (found,) = torch.autograd.grad(output[:, 3].sum(), source)
    return found


def eval_mode(module: nn.Module) -> nn.Module:
    """In float64, with batch norm that knows the statistics of one batch."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(7)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = 1.0
            if isinstance(part, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(part.weight)
        module.double().train()(torch.randn(4, 3, 64, 64, dtype=torch.float64))
    return module.eval().requires_grad_(False)


IMAGES = torch.randn(1, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Switched(nn.Module):
    """The convolution of GoogLeNet with its functional rectifier as a module."""

    def __init__(self, basic: nn.Module) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = basic.conv, basic.bn, nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.relu(self.bn(self.conv(x)))
        return result


def switch(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if type(child).__name__ == "BasicConv2d":
            setattr(module, name, Switched(child))
        else:
            switch(child)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU:UserWarning")
def test_all_functional_relus_of_googlenet_are_reached() -> None:
    """57 calls of F.relu and no nn.ReLU; Captum sees them when each is made a module."""
    from captum.attr import GuidedBackprop

    module = googlenet(num_classes=10, aux_logits=False, init_weights=False)
    module = eval_mode(module)
    assert not any(isinstance(part, nn.ReLU) for part in module.modules())
    guide = Guided()
    found = networks_gradient(module, IMAGES, guide)
    assert guide.reached == 57
    switch(module)
    assert sum(isinstance(part, nn.ReLU) for part in module.modules()) == 57
    expected = GuidedBackprop(module).attribute(IMAGES.clone().requires_grad_(), target=3)
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_the_capped_relus_of_mobilenet_are_reached() -> None:
    """Against hooks that clamp what comes to each ReLU6, which has a module of its own here."""
    module = eval_mode(models.mobilenet_v2(num_classes=10, width_mult=0.25))
    relus = [part for part in module.modules() if isinstance(part, nn.ReLU6)]
    guide = Guided()
    found = networks_gradient(module, IMAGES, guide)
    assert guide.reached == len(relus) == 35
    for part in relus:
        part.inplace = False
        part.register_full_backward_pre_hook(lambda _, gradients: (gradients[0].clamp(min=0),))
    expected = networks_gradient(module, IMAGES, torch.enable_grad())
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_relus_in_place_are_guided_as_those_that_are_not(name: str) -> None:
    module = eval_mode(models.get_model(name, num_classes=10))
    first, second = Guided(), Guided()
    in_place = networks_gradient(module, IMAGES, first)
    assert any(getattr(part, "inplace", False) for part in module.modules())
    for part in module.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    assert torch.equal(networks_gradient(module, IMAGES, second), in_place)
    assert first.reached == second.reached > 6
    assert not torch.equal(networks_gradient(module, IMAGES, torch.enable_grad()), in_place)


@pytest.mark.parametrize(("capped", "expected"), [(True, [0, 1, 0]), (False, [1, 1, 0])])
def test_a_cap_need_not_stop_gradients(capped: bool, expected: list[float]) -> None:
    x = torch.tensor([7.0, 3.0, -1.0], requires_grad=True)
    with Guided(capped=capped):
        value = F.relu6(x).sum()
    (gradient,) = torch.autograd.grad(value, x)
    assert gradient.tolist() == expected
