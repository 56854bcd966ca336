"""Networks drawn at random, of everything that labs put into theirs, and small."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

Function = Callable[[Tensor], Tensor]

_ACTIVATIONS: tuple[Function, ...] = (
    torch.relu, functional.gelu, torch.sigmoid, torch.tanh, functional.silu, functional.relu6,
    functional.leaky_relu, functional.softplus, functional.hardswish, functional.elu,
    lambda x: x.clamp(-1, 1), lambda x: x.abs(), lambda x: x.square(), lambda x: 1 - x,
)  # fmt: skip
# Drawn as often as they stand here.
_KINDS = (
    *["convolution"] * 6, *["norm", "activation", "pool"] * 3, *["residual", "concatenation"] * 2,
    *["scale", "pad", "spatial_gate", "split", "in_place", "padded_convolution"] * 2,
    "gate", "group_norm", "resize",
)  # fmt: skip
# Padding modes, of which all but the first end what can be computed on crops.
_MODES = (*["zeros"] * 30, "reflect", "replicate", "circular")


class Parameters(nn.Module):
    """A function of maps, with what it keeps."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module | Tensor) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(part for part in parts if isinstance(part, nn.Module))
        tensors = [part for part in parts if isinstance(part, Tensor)]
        for index, tensor in enumerate(tensors):
            self.register_buffer(f"constant_{index}", tensor)
        self.constants = len(tensors)

    def forward(self, x: Tensor) -> Tensor:
        constants = [self.get_buffer(f"constant_{index}") for index in range(self.constants)]
        return self.function(x, *self.parts, *constants)


@dataclass
class Drawing:
    """Draws layers, and keeps count of the channels and of the side of the maps."""

    chance: random.Random
    channels: int
    side: int

    def layer(self, depth: int) -> nn.Module:
        kinds = [kind for kind in _KINDS if depth or kind not in ("residual", "concatenation")]
        layer: nn.Module = getattr(self, self.chance.choice(kinds))(depth)
        return layer

    def layers(self, count: int, depth: int) -> nn.Sequential:
        return nn.Sequential(*(self.layer(depth) for _ in range(count)))

    # Layers

    def convolution(self, depth: int, keeps: bool = False) -> nn.Module:
        choose = self.chance.choice
        depthwise = choose([False, False, True])
        made = self.channels if keeps or depthwise else choose([2, 4, 8, 12])
        kernel, dilation = choose([1, 2, 3, 3, 5]), choose([1, 1, 2])
        extent = dilation * (kernel - 1) + 1
        stride = 1 if keeps else choose([1, 1, 2, kernel + 1])
        padding = extent // 2 if keeps else choose([0, extent // 2])
        if keeps and extent % 2 == 0:
            kernel, dilation, padding = 3, 1, 1
            extent = 3
        if self.side + 2 * padding < extent:
            return nn.Identity()
        mode = choose(_MODES)
        groups = self.channels if depthwise else choose([1, 1, 2 if made % 2 == 0 else 1])
        groups = groups if self.channels % groups == 0 else 1
        layer = nn.Conv2d(
            self.channels, made, kernel, stride, padding, dilation, groups,
            bias=choose([True, False]), padding_mode=mode if padding < self.side else "zeros",
        )  # fmt: skip
        self.channels, self.side = made, (self.side + 2 * padding - extent) // stride + 1
        return layer

    def norm(self, depth: int) -> nn.Module:
        return nn.BatchNorm2d(self.channels, affine=self.chance.choice([True, False]))

    def activation(self, depth: int) -> nn.Module:
        return Parameters(self.chance.choice(_ACTIVATIONS))

    def in_place(self, depth: int) -> nn.Module:
        ways: tuple[Callable[..., Tensor], ...] = (
            lambda x: (x + 0).relu_(),
            lambda x: (x * 2).mul_(0.5),
            lambda x: (x + 1).clamp_(max=2).sub_(1),
        )
        return Parameters(self.chance.choice(ways))

    def pool(self, depth: int) -> nn.Module:
        choose = self.chance.choice
        kernel = choose([2, 3, 3, 4])
        stride, ceil = choose([1, 2, kernel, kernel + 1]), choose([True, False])
        padding, dilation = choose([0, kernel // 2]), choose([1, 1, 2])
        if self.side < 2 * kernel:
            return nn.Identity()
        largest = choose([True, False])
        if largest:
            pool: nn.Module = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
        else:
            counted, divisor = choose([True, False]), choose([None, None, 3])
            pool = nn.AvgPool2d(kernel, stride, padding, ceil, counted, divisor)
        self.side = pool(torch.zeros(1, 1, self.side, self.side)).shape[2]
        return pool

    def residual(self, depth: int) -> nn.Module:
        body = nn.Sequential(
            self.convolution(0, keeps=True), self.activation(0), self.convolution(0, keeps=True)
        )
        ways: tuple[Callable[..., Tensor], ...] = (
            lambda x, body: x + body(x), lambda x, body: body(x) - x, lambda x, body: x * body(x),
            lambda x, body: body(x) + 0.5 * x, lambda x, body: x.clone().add_(body(x)),
        )  # fmt: skip
        return Parameters(self.chance.choice(ways), body)

    def concatenation(self, depth: int) -> nn.Module:
        before, branches = self.channels, []
        for _ in range(self.chance.choice([2, 3])):
            self.channels = before
            one = (self.convolution(0, keeps=True), self.activation(0))
            branches.append((nn.Sequential(*one), self.channels))
        alone = self.chance.choice([True, False])
        self.channels = sum(made for _, made in branches) + before * alone

        def joined(x: Tensor, *parts: nn.Module) -> Tensor:
            return torch.cat([x] * alone + [part(x) for part in parts], dim=1)

        return Parameters(joined, *(branch for branch, _ in branches))

    def gate(self, depth: int) -> nn.Module:
        """Squeeze and excitation: everything behind it depends on everything."""
        gate = nn.Linear(self.channels, self.channels)
        return Parameters(lambda x, g: x * g(x.mean((2, 3))).sigmoid()[:, :, None, None], gate)

    def spatial_gate(self, depth: int) -> nn.Module:
        """A map of one channel, which scales all of them, or which all of them scale."""
        gate, vector = nn.Conv2d(self.channels, 1, 1), self.constant()
        ways: tuple[Callable[..., Tensor], ...] = (
            lambda x, g, v: x * g(x).sigmoid(),
            lambda x, g, v: x + g(x).sigmoid() * v,
            lambda x, g, v: (g(x) - v).relu(),
            lambda x, g, v: v / (1 + g(x).square()),
        )
        return Parameters(self.chance.choice(ways), gate, vector)

    def scale(self, depth: int) -> nn.Module:
        """Constants for every channel, of every form that is broadcast over maps."""
        one, other = self.constant(), self.constant()
        if self.chance.choice([True, False]):
            one = one[0]
        number = self.chance.choice([0.5, 2, -1.5])
        ways: tuple[Callable[..., Tensor], ...] = (
            lambda x, a, b: (x - a) / b, lambda x, a, b: x * a + b, lambda x, a, b: a - x,
            lambda x, a, b: b + x * a, lambda x, a, b: number * x,
            lambda x, a, b: x.sub(a).div(b.double()).to(x.dtype),
        )  # fmt: skip
        return Parameters(self.chance.choice(ways), one, other)

    def constant(self) -> Tensor:
        return torch.rand(1, self.channels, 1, 1) + 0.5

    def pad(self, depth: int) -> nn.Module:
        one, other = (self.chance.choice([0, 1, 2]) for _ in range(2))
        frame = [one, other, other, one]
        value = self.chance.choice([0.0, 0.0, -1.0, 0.7])
        self.side += one + other
        function = self.chance.choice(_ACTIVATIONS)
        return Parameters(lambda x: function(functional.pad(x, frame, value=value)))

    def padded_convolution(self, depth: int) -> nn.Module:
        mode = self.chance.choice(_MODES).replace("zeros", "constant")
        if self.side < 2:
            return nn.Identity()
        layer = nn.Conv2d(self.channels, self.channels, 3)
        return Parameters(lambda x, f: f(functional.pad(x, (1, 1, 1, 1), mode=mode)), layer)

    def split(self, depth: int) -> nn.Module:
        if self.channels % 2:
            return nn.Identity()
        half = nn.Conv2d(self.channels // 2, self.channels // 2, 3, padding=1)

        def swapped(x: Tensor, part: nn.Module) -> Tensor:
            first, second = x.chunk(2, dim=1)
            return torch.cat([part(second), first], dim=1)

        def chosen(x: Tensor, part: nn.Module) -> Tensor:
            return torch.cat(
                [part(x[:, ::2]), x[:, 1:2], x[:, 1:].flip(1)[:, 1 : len(x[0]) // 2]], 1
            )

        return Parameters(self.chance.choice([swapped, chosen]), half)

    def group_norm(self, depth: int) -> nn.Module:
        if self.chance.random() < 0.7:  # what follows it runs in full, so that it is seldom drawn
            return self.norm(depth)
        return self.chance.choice(
            [nn.GroupNorm(1, self.channels), nn.InstanceNorm2d(self.channels)]
        )

    def resize(self, depth: int) -> nn.Module:
        if self.side > 40:
            return self.activation(depth)
        self.side *= 2
        return nn.Upsample(scale_factor=2, mode=self.chance.choice(["nearest", "bilinear"]))


class RandomNetwork(nn.Module):
    """Some drawn layers, and one of the usual ends, perhaps with a normalisation at the start."""

    def __init__(self, seed: int, side: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        chance = random.Random(seed)
        drawing = Drawing(chance, 3, side)
        start: list[nn.Module] = [drawing.scale(0)] if chance.random() < 0.4 else []
        self.body = nn.Sequential(*start, *drawing.layers(chance.choice([2, 3, 4, 5, 7]), 1))
        flat = drawing.channels * drawing.side**2
        ends: list[tuple[Function, int]] = [
            (lambda x: x.mean((2, 3)), drawing.channels),
            (lambda x: functional.adaptive_avg_pool2d(x, 1).flatten(1), drawing.channels),
            (lambda x: x.amax((2, 3)), drawing.channels),
            (lambda x: (x * x).mean((2, 3)).sqrt(), drawing.channels),
        ]
        if flat < 20_000:
            ends.append((lambda x: x.flatten(1), flat))
        self.end, width = chance.choice(ends)
        self.head = nn.Linear(width, 4)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean, std=0.2)
                nn.init.uniform_(part.running_var, 0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.end(self.body(x)))
        return scores


def drawn(seed: int) -> tuple[nn.Module, Tensor]:
    """A network in eval mode, and an image for it."""
    chance = random.Random(seed + 1_000_003)
    side = chance.choice([24, 33, 48, 57])
    network = RandomNetwork(seed, side).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    return network, torch.randn(1, 3, side, side, generator=generator)
