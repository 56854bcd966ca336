"""Networks with random weights, and occlusion of them the plain way, one full pass per window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.incremental import Base, Schedule

from ...toys.vgg import narrow_vgg

Spans = Sequence[tuple[int, int]]

FAMILIES = (
    "resnet18", "vgg11", "vgg11_bn", "densenet121", "mobilenet_v2", "alexnet", "googlenet",
    "efficientnet_lite",
)  # fmt: skip


@lru_cache(maxsize=4)
def family(name: str, classes: int = 7) -> nn.Module:
    """In eval mode, with batch norm statistics that are not trivial."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(5)
        if name == "efficientnet_lite":
            return settled(EfficientNetLite(classes=classes, width=0.5))
        more = {"init_weights": False, "transform_input": True} if name == "googlenet" else {}
        narrow = {"width_mult": 0.5} if name == "mobilenet_v2" else {}
        if name.startswith("vgg"):
            return settled(narrow_vgg(name, classes))
        return settled(models.get_model(name, num_classes=classes, **more, **narrow))


def settled(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.2)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.2)
    return module.eval().requires_grad_(False)


class Zoo(nn.Module):
    """One of everything that is covered, branching, with one channel in and a tree out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, (3, 5), (1, 2), (2, 1), bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.wide = nn.Conv2d(6, 6, 3, dilation=2, padding=(2, 0), groups=3)
        self.point = nn.Conv2d(6, 6, 1, stride=2)
        self.ceil = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
        self.spread = nn.MaxPool2d(2, 1, dilation=2, padding=1)
        self.mean = nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False)
        self.padded = nn.AvgPool2d((3, 2), (2, 1), padding=(1, 1))
        self.overhang = nn.AvgPool2d(3, 2, ceil_mode=True)
        self.divided = nn.AvgPool2d(2, 1, divisor_override=3)
        self.last = nn.Conv2d(20, 8, 3, padding=1, padding_mode="zeros")
        self.first, self.second = nn.Linear(8, 4), nn.Linear(8, 3, bias=False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.norm(self.stem(functional.pad(x, (1, 0, 0, 2), value=0.5)))
        x = functional.relu_(x) - 0.3 * x
        y = functional.hardtanh(self.wide(functional.pad(x, (2, 2))), 0.0, 6.0)
        x = torch.cat([y * torch.sigmoid(x), x[:, 1:3], 2.0 - x[:, 4].unsqueeze(1)], dim=1)
        a, b = self.ceil(x), self.mean(x)
        c = self.overhang(functional.pad(x, (1, 1, 1, 1)))
        z = self.divided(self.padded(self.spread(a)))
        f = self.point(functional.leaky_relu(x[:, :6], 0.1))
        pooled = [part.mean((2, 3)) for part in (b, c, z, f)]
        joined = functional.relu(self.last(torch.cat([a, a.neg(), a[:, :2] / 2], dim=1)))
        out = functional.adaptive_avg_pool2d(joined, 1).flatten(1)
        return {"one": self.first(out), "two": self.second(out), "means": torch.cat(pooled, 1)}


def occluded(
    module: nn.Module, image: Tensor, fill: Tensor, rows: Spans, cols: Spans
) -> list[Tensor]:
    """The module's output for every window, a tensor (rows, columns, ...) per leaf."""
    outputs = []
    for top, bottom in rows:
        for left, right in cols:
            hidden = image.clone()
            hidden[..., top:bottom, left:right] = fill[..., top:bottom, left:right]
            outputs.append(leaves(module(hidden)))
    return [
        torch.cat(parts).unflatten(0, (len(rows), len(cols)))  # type: ignore[no-untyped-call]
        for parts in zip(*outputs, strict=True)
    ]


def incremental(schedule: Schedule, base: Base, fill: Tensor) -> list[Tensor]:
    """The same from a schedule; every window must be computed once and only once."""
    shape = (len(schedule.rows), len(schedule.cols))
    seen = torch.zeros(shape, dtype=torch.int64)
    maps = [leaf.new_full((*shape, *leaf.shape[1:]), torch.nan) for leaf in leaves(base.output)]
    for chunk in schedule.chunks:
        rows, columns = torch.as_tensor(chunk.rows)[:, None], torch.as_tensor(chunk.columns)
        seen[rows, columns] += 1
        for into, leaf in zip(maps, leaves(chunk.run(base, fill)), strict=True):
            into[rows, columns] = leaf.unflatten(0, (len(chunk.rows), len(chunk.columns)))
    assert torch.equal(seen, torch.ones_like(seen))
    return maps


def leaves(output: Any) -> list[Tensor]:
    return list(output.values()) if isinstance(output, dict) else [output]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)
