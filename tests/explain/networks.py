"""Small networks whose explanations are known, or quick to compute elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision import models


class Linear(nn.Module):
    """Scores w_k . x + b_k, with weights (K, C, H, W)."""

    def __init__(self, weights: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("kchw,bchw->bk", self.weights, x) + self.bias


class Polynomial(nn.Module):
    """Scores sum(w_k * x ** degree)."""

    def __init__(self, weights: Tensor, degree: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.degree = degree

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("kchw,bchw->bk", self.weights, x**self.degree)


class Tapped(nn.Module):
    """A network behind a gate that counts its passes and can be told to fail."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.passes = 0
        self.fails_from: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        scores: Tensor = self.network(x)
        if self.fails_from is not None and self.passes >= self.fails_from:
            raise ValueError("told to fail")
        return scores


def toy() -> nn.Sequential:
    """1 x 4 x 4 to four scores, of which each is 54 for the input 0, 1, ..., 15."""
    conv = nn.Conv2d(1, 2, 3)
    linear = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1.0)
        conv.bias.copy_(torch.tensor([-50.0, -75.0]))  # type: ignore[union-attr]
        linear.weight.copy_(torch.tensor([[1.0, 1, 1, 1, 1, -1, -1, -1]]).expand(4, 8))
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), linear, nn.ReLU())


class Exact(nn.Sequential):
    """Layers in float64, whatever comes in."""

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = super().forward(x.double())
        return scores


def small() -> nn.Sequential:
    """Convolutions, batch norm, pooling, dropout and two kinds of rectifier, for 16 x 16 pixels.

    A gradient jumps where a rectifier's input is 0; in float64 no order of sums takes it there.
    """
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layers = Exact(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1),
            nn.ReLU6(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(48, 5),
        )
    return layers.double().eval()


def vgg_like() -> nn.Module:
    """The layout of VGG-11 at an eighth of its width."""
    layers: list[nn.Module] = []
    channels = 3
    for step in (8, "M", 16, "M", 32, 32, "M", 64, 64, "M"):
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
            channels = step
    head = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))
    return nn.Sequential(nn.Sequential(*layers), *head)


def architecture(name: str) -> nn.Module:
    """A network by name with weights from a fixed seed, in eval mode, nothing working in place.

    Batch norm has the statistics of one batch: with none, signals vanish in deep networks.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(7)
        narrow = {"width_mult": 0.25} if name == "mobilenet_v2" else {}
        module = (
            vgg_like() if name == "vgg_like" else models.get_model(name, num_classes=10, **narrow)
        )
        for part in module.modules():
            if getattr(part, "inplace", False):
                part.inplace = False  # type: ignore[assignment]
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = 1.0
        module.train()(torch.randn(8, 3, 32, 48))
    return module.eval()
