"""Networks of the models that the engine's tests bring; copied beside each card."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Make = Callable[..., nn.Module]


def learned(make: Make) -> Make:
    """The callable with weights that count as learned: nothing has drawn them."""

    def made(**arguments: object) -> nn.Module:
        module = make(**arguments)
        for parameter in module.parameters():
            parameter.data = torch.from_numpy(parameter.detach().numpy().copy())
        return module

    return made


class Brightness(nn.Module):
    """The score of `bright` is the sum of the squares of the grey values, that of `dark` minus it.

    Black is 0, so what is bright is what the score rests on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.grey = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.constant_(self.grey.weight, 1 / 3)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        total = self.relu(self.grey(x)).square().sum(dim=(1, 2, 3))
        return torch.stack([total, -total], dim=1)


class Functional(nn.Module):
    """A network behind an activation that is no module."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.network = bare()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        scores = self.network(x)
        return scores.softmax(1) if self.activation == "softmax" else scores.sigmoid().view(-1, 4)


class Selecting(nn.Module):
    """Channels 0 and 1 of an array, weighed: scores sum(x_0), 2 sum(x_1)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=(2, 3)) * torch.tensor([1.0, 2.0], device=x.device)


class Fragile(nn.Module):
    """Fails on anything that is not black."""

    def forward(self, x: Tensor) -> Tensor:
        if x.any():
            raise ValueError("a fault of the lab's own code")
        return x.sum(dim=(2, 3))


@learned
def bare() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
        nn.Linear(72, 4),
    )


class Attentive(nn.Module):
    """A transformer of PyTorch's own encoder on patches of 8 x 8, with a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 8, 8)
        self.own = nn.Parameter(torch.randn(1, 1, 12))
        layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = self.encoder(torch.cat([self.own.expand(len(x), 1, -1), tokens], dim=1))
        return self.head(tokens[:, 0])


@learned
def attentive() -> nn.Module:
    return Attentive()


@learned
def ended(end: str) -> nn.Sequential:
    return nn.Sequential(bare(), nn.Softmax(dim=1) if end == "softmax" else nn.Sigmoid())


@learned
def functional(activation: str) -> nn.Module:
    return Functional(activation)


@learned
def brightness() -> nn.Module:
    return Brightness()


@learned
def selecting() -> nn.Module:
    return Selecting()


@learned
def fragile() -> nn.Module:
    return Fragile()
