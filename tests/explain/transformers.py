"""A small vision transformer whose attention is written in many ways, and its attention by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DIM, HEADS, PATCH = 12, 3, 8


def split(x: Tensor) -> Tensor:
    """(B, N, D) as (B, heads, N, d)."""
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def by_hand(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As timm's."""
    q = q * (DIM / HEADS) ** -0.5
    weights = F.dropout((q @ k.transpose(-2, -1)).softmax(dim=-1), 0.1, training=False)
    return weights @ v


def fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v)


def scaled(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The scale is an argument, and a mask of zeros is added."""
    mask = torch.zeros(q.shape[-2], k.shape[-2])
    factor = (DIM / HEADS) ** -0.25
    return F.scaled_dot_product_attention(q * factor, k * factor, v, attn_mask=mask, scale=1.0)


def summed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    weights = torch.einsum("bhid,bhjd->bhij", q, k).div(math.sqrt(DIM / HEADS)).softmax(-1)
    return torch.einsum("bhij,bhjd->bhid", weights, v)


def folded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Heads among the rows, the product from the other side, and the softmax spelled out."""
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    scores = torch.bmm(k, q.transpose(1, 2)) / math.sqrt(DIM / HEADS)  # (heads, keys, queries)
    powers = (scores - scores.amax(1, keepdim=True)).exp()
    weights = powers / powers.sum(1, keepdim=True)
    return torch.bmm(v.transpose(1, 2), weights).transpose(1, 2).unflatten(0, (-1, HEADS))


def exported(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As exported programs call it."""
    scores = torch.ops.aten.matmul.default(q, k.transpose(-2, -1)) / math.sqrt(DIM / HEADS)
    weights = torch.ops.aten.softmax.int(scores, -1)
    return torch.ops.aten.matmul.default(weights, v)


STYLES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor] | str] = {
    "by hand": by_hand,
    "fused": fused,
    "scaled": scaled,
    "einsum": summed,
    "folded": folded,
    "exported": exported,
    "nn.MultiheadAttention": "attention",
    "its weights": "weights",
    "nn.TransformerEncoder": "encoder",
}


class Block(nn.TransformerEncoderLayer):
    """PyTorch's own block, whose parts are also used in other ways."""

    def __init__(self, style: Any) -> None:
        super().__init__(
            DIM, HEADS, 20, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.style = style

    def qkv(self, x: Tensor) -> tuple[Tensor, ...]:
        own = self.self_attn
        return tuple(map(split, F.linear(x, own.in_proj_weight, own.in_proj_bias).chunk(3, -1)))

    def rest(self, x: Tensor) -> Tensor:
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        if self.style == "encoder":
            return super().forward(x)
        normed = self.norm1(x)
        if isinstance(self.style, str):
            asked = self.style == "weights"
            mixed = self.self_attn(normed, normed, normed, need_weights=asked)[0]
        else:
            mixed = self.self_attn.out_proj(joined(self.style(*self.qkv(normed))))
        return self.rest(x + mixed)


class Vit(nn.Module):
    """Patches, some tokens of its own before, between or behind them, blocks, and a head.

    `own` has the places of its own tokens among all. The first one is read; without any, the mean.
    """

    def __init__(
        self,
        style: Any = by_hand,
        own: tuple[int, ...] = (0,),
        layers: int = 3,
        read: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, DIM, PATCH, PATCH)
        self.own = nn.Parameter(torch.randn(max(1, len(own)), DIM))
        self.blocks = nn.ModuleList(Block(style) for _ in range(layers))
        self.norm = nn.LayerNorm(DIM)
        self.head = nn.Linear(DIM, 4)
        self.where = own
        self.read = read if read is not None else own[:1]

    def embedded(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        for place, token in zip(self.where, self.own, strict=False):
            one = token.expand(len(x), 1, -1)
            tokens = torch.cat([tokens[:, :place], one, tokens[:, place:]], dim=1)
        angles = torch.arange(tokens.shape[1] * DIM).view(-1, DIM).sin()
        return tokens + angles

    def scored(self, tokens: Tensor) -> Tensor:
        tokens = self.norm(tokens)
        read = tokens[:, list(self.read)] if self.read else tokens
        return self.head(read.mean(1))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embedded(x)
        for block in self.blocks:
            tokens = block(tokens)
        return self.scored(tokens)


def vit(*args: Any, **kwargs: Any) -> Vit:
    """With weights from a fixed seed, large enough for uneven attention, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        made = Vit(*args, **kwargs).double().eval()
        for name, parameter in made.named_parameters():
            if name.endswith("weight") and parameter.dim() > 1:
                nn.init.normal_(parameter, std=1.2 / math.sqrt(parameter.shape[1:].numel()))
    return made.requires_grad_(False)


def attention_of(model: Vit, x: Tensor, target: int) -> list[tuple[Tensor, Tensor]]:
    """For every layer its weights (heads, N, N) and their gradients, step by step."""
    tokens, kept = model.embedded(x).requires_grad_(), []
    for block in model.blocks:
        q, k, v = block.qkv(block.norm1(tokens))  # type: ignore[operator]
        weights = torch.softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1)
        weights.retain_grad()
        kept.append(weights)
        mixed = block.self_attn.out_proj(joined(weights @ v))  # type: ignore[operator, union-attr]
        tokens = block.rest(tokens + mixed)  # type: ignore[operator]
    model.scored(tokens)[0, target].backward()
    return [(one.detach()[0], one.grad[0]) for one in kept if one.grad is not None]


def on_grid(values: Tensor, own: tuple[int, ...], size: tuple[int, int]) -> Tensor:
    """Values of all tokens as the grid of those that are patches."""
    patches = [place for place in range(len(values)) if place not in own]
    return values[patches].view(size)
