from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from brightfield.errors import Unexplainable
from brightfield.explain.attention_rollout import AttentionRollout

from .conftest import Bench, case, image
from .networks import small
from .transformers import STYLES, Vit, attention_of, by_hand, on_grid, vit

IMAGES = image(3, 24, 32, dtype=torch.float64)
SIZE = (3, 4)


def rolled(model: Vit, heads: str = "mean", residual: float = 0.5) -> Tensor:
    """(N, N), as the paper has it."""
    product = torch.eye(12 + len(model.where), dtype=torch.float64)
    for weights, _ in attention_of(model, IMAGES, 0):
        fused = weights.mean(0) if heads == "mean" else getattr(weights, f"a{heads}")(0)
        layer = (1 - residual) * fused + residual * torch.eye(len(fused))
        product = layer / layer.sum(-1, keepdim=True) @ product
    return product


def coarse(result: Any) -> Any:
    """The values at the middles of the patches, which enlarging keeps but for the border."""
    return torch.nn.functional.interpolate(
        torch.from_numpy(result.values)[None, None], SIZE, mode="area"
    )[0, 0]


def enlarged(grid: Tensor) -> Any:
    return torch.nn.functional.interpolate(grid[None, None], (24, 32), mode="bilinear")[0, 0]


@pytest.mark.parametrize("style", STYLES)
def test_it_is_the_product_of_the_layers_however_attention_is_written(
    bench: Bench, style: str
) -> None:
    model = vit(STYLES[style])
    result = bench.explain(AttentionRollout(), case(model, IMAGES))
    expected = on_grid(rolled(model)[0], (0,), SIZE)
    np.testing.assert_allclose(result.values, enlarged(expected), rtol=1e-5, atol=1e-7)
    assert np.ptp(result.values) > 0.01
    facts = {"layers": 3, "tokens": 13, "layer_size": [3, 4], "read_from": 1}
    assert facts.items() <= result.facts.items()
    assert [note.code for note in result.notes] == ["not_class_specific"]


@pytest.mark.parametrize(
    ("own", "read"),
    [((), ()), ((0, 1), (0, 1)), ((0, 1, 2), (0,)), ((12,), (12,)), ((5, 7), (7,))],
    ids=["mean", "distilled", "registers", "last", "between"],
)
def test_tokens_that_are_no_patches_are_told_apart(
    bench: Bench, own: tuple[int, ...], read: tuple[int, ...]
) -> None:
    model = vit(by_hand, own, read=read)
    result = bench.explain(AttentionRollout(), case(model, IMAGES))
    rows = rolled(model)[list(read)] if read else rolled(model)
    expected = on_grid(rows.mean(0), own, SIZE)
    np.testing.assert_allclose(result.values, enlarged(expected), rtol=1e-5, atol=1e-7)
    assert result.facts["read_from"] == (len(read) or 12)


@pytest.mark.parametrize("heads", ["mean", "max", "min"])
def test_heads_are_fused_as_asked(bench: Bench, heads: Any) -> None:
    model = vit()
    result = bench.explain(AttentionRollout(heads=heads, residual=0.2), case(model, IMAGES))
    expected = on_grid(rolled(model, heads, 0.2)[0], (0,), SIZE)
    np.testing.assert_allclose(result.values, enlarged(expected), rtol=1e-5, atol=1e-7)


class Turned(Vit):
    """Its patches are in the order of columns, or from the last to the first."""

    order = "columns"

    def embedded(self, x: Tensor) -> Tensor:
        maps = self.patches(x)
        maps = maps.transpose(2, 3) if self.order == "columns" else maps.flip(2, 3)
        return torch.cat([self.own.expand(len(x), 1, -1), maps.flatten(2).transpose(1, 2)], 1)


class Unfolded(Vit):
    """Patches by rearranging pixels, and a linear layer."""

    def embedded(self, x: Tensor) -> Tensor:
        tiles = x.unflatten(2, (3, 8)).unflatten(4, (4, 8)).permute(0, 2, 4, 3, 5, 1)
        weight = self.patches.weight.permute(2, 3, 1, 0).flatten(0, 2)
        tokens = tiles.flatten(3).flatten(1, 2) @ weight + self.patches.bias
        tokens = torch.cat([self.own.expand(len(x), 1, -1), tokens], 1)
        return tokens + torch.arange(tokens.shape[1] * 12).view(-1, 12).sin()


def made(kind: type[Vit], **attributes: Any) -> Vit:
    model = vit()
    model.__class__ = type(kind.__name__, (kind,), attributes)
    return model


@pytest.mark.parametrize("order", ["columns", "backwards"])
def test_the_map_is_upright_whatever_the_order_of_tokens(bench: Bench, order: str) -> None:
    model = made(Turned, order=order)
    result = bench.explain(AttentionRollout(), case(model, IMAGES))
    row = rolled(model)[0, 1:]
    expected = row.view(4, 3).T if order == "columns" else row.view(3, 4).flip(0, 1)
    np.testing.assert_allclose(result.values, enlarged(expected), rtol=1e-5, atol=1e-7)


def test_patches_may_be_made_without_a_convolution(bench: Bench) -> None:
    result = bench.explain(AttentionRollout(), case(made(Unfolded), IMAGES))
    expected = bench.explain(AttentionRollout(), case(vit(), IMAGES))
    np.testing.assert_allclose(result.values, expected.values, rtol=1e-6)


class Windowed(nn.Module):
    """Attention within the halves of the image."""

    def __init__(self, channels: bool = False) -> None:
        super().__init__()
        self.model, self.channels = vit(), channels

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.model.embedded(x)[:, 1:]
        if self.channels:
            weights = (tokens.mT @ tokens).softmax(-1)
            return self.model.scored((weights @ tokens.mT).mT)
        halves = tokens.view(6, 2, 12).transpose(0, 1)
        weights = (halves @ halves.mT).softmax(-1)
        return self.model.scored((weights @ halves).view(1, 12, 12))


class Pooled(Vit):
    """Half as many tokens behind the first block."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks[0](self.embedded(x))
        tokens = self.blocks[1](tokens[:, 1:].view(1, 6, 2, 12).mean(2))
        return self.head(tokens.mean(1))


class Shuffled(Vit):
    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks[0](self.embedded(x)).roll(3, 1)
        return self.scored(self.blocks[1](tokens))


class Crossed(Vit):
    """A query of its own looks at all tokens."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks[0](self.embedded(x))
        query = tokens[:, :2]
        return self.head(((query @ tokens.mT).softmax(-1) @ tokens).mean(1))


class Pathed(Vit):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.sum().item() > -1e9 else -x)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Windowed(), "works in windows"),
        (Windowed(channels=True), "attends over channels"),
        (made(Pooled), "different numbers of tokens"),
        (made(Shuffled), "same tokens in the same order"),
        (made(Crossed), "2 queries look at 13 tokens"),
        (made(Pathed), "depends on the values"),
        (small(), "no attention"),
    ],
    ids=["windows", "channels", "pooled", "shuffled", "crossed", "unrecordable", "none"],
)
def test_other_models_are_refused_with_what_works(
    bench: Bench, model: nn.Module, reason: str
) -> None:
    with pytest.raises(Unexplainable, match=f"{reason}.*Use gradient, .*occlusion or rise"):
        bench.explain(AttentionRollout(), case(model, IMAGES))


class Convolving(Vit):
    """Tokens are mixed with their neighbours, behind the first block."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.blocks[0](self.embedded(x))
        tokens = tokens + 0.5 * tokens.roll(1, 1)
        return self.scored(self.blocks[1](tokens))


def test_what_else_mixes_tokens_is_told(bench: Bench) -> None:
    result = bench.explain(AttentionRollout(), case(made(Convolving), IMAGES))
    assert [note.code for note in result.notes] == ["not_class_specific", "tokens_mixed"]
    assert "After attention layer 1 " in result.notes[1].detail
