"""A classifier of ten classes that costs nothing."""

import torch
from torch import nn


class Noop(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, 0, 0, :10]
