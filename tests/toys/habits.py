"""Networks with the habits of lab code that an examination looks for; copied beside each card."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SharedSigmoid(nn.Module):
    """One sigmoid module everywhere: between the layers and at the end."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c1, self.c2 = nn.Conv2d(3, 8, 5, 2), nn.Conv2d(8, 16, 5, 2)
        self.fc1, self.fc2 = nn.Linear(16, 16), nn.Linear(16, 4)
        self.act = nn.Sigmoid()
        with torch.no_grad():
            self.fc1.weight.mul_(6)
            self.fc2.weight.mul_(6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.c2(self.act(self.c1(x)))).mean((2, 3))
        scores: Tensor = self.act(self.fc2(self.act(self.fc1(x))))
        return scores


class ReusedSoftmax(nn.Module):
    """One softmax module weighs the channels and ends the network."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.attention, self.fc = (
            nn.Conv2d(3, 16, 3), nn.Linear(16, 16), nn.Linear(16, 4),
        )  # fmt: skip
        self.softmax = nn.Softmax(dim=1)
        with torch.no_grad():
            self.fc.weight.mul_(40)
            self.attention.weight.mul_(30)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        weights = self.softmax(self.attention(x.mean((2, 3))))
        scores: Tensor = self.softmax(self.fc((x * weights[:, :, None, None]).mean((2, 3))))
        return scores


class BatchBound(nn.Module):
    """Uses statistics of the whole batch."""

    def __init__(self, how: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.how = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 4), how
        self.norm = nn.BatchNorm2d(8, track_running_stats=False)
        with torch.no_grad():
            self.fc.weight.mul_(20)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = self.norm(x) if self.how == "norm" else (x - x.min()) / (x.max() - x.min())
        scores: Tensor = self.fc(x.relu().mean((2, 3)))
        return scores


class Two(nn.Module):
    """Puts out scores and features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.conv(x).relu()
        return self.fc(features.mean((2, 3))), features


class Chance(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(functional.dropout(x).mean((2, 3)))
        return scores


def shared() -> nn.Module:
    return SharedSigmoid()


def reused() -> nn.Module:
    return ReusedSoftmax()


def batch_bound(how: str) -> nn.Module:
    return BatchBound(how)


def two() -> nn.Module:
    return Two()


def chance() -> nn.Module:
    return Chance()
