"""Small transformers, whose maps are tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Attention and a perceptron, each beside what they add to."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        tokens = tokens + self.attend(normed, normed, normed, need_weights=False)[0]
        return tokens + self.mlp(tokens)


class Tokens(nn.Module):
    """Patches of 8 x 8 pixels as tokens behind `extra` others; the first token, or without others
    the mean, is classified. With `sorts`, tokens lose their places."""

    def __init__(self, blocks: int = 2, extra: int = 1, *, sorts: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(3, 12, 8, 8)
        self.extra = nn.Parameter(torch.randn(1, extra, 12))
        self.blocks = nn.Sequential(*(Block(12) for _ in range(blocks)))
        self.head, self.sorts = nn.Linear(12, 3), sorts

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        if self.sorts:
            tokens = tokens.sort(dim=1).values
        if self.extra.shape[1]:
            tokens = torch.cat([self.extra.expand(len(images), -1, -1), tokens], dim=1)
        tokens = self.blocks(tokens)
        scores: Tensor = self.head(tokens[:, 0] if self.extra.shape[1] else tokens.mean(1))
        return scores
