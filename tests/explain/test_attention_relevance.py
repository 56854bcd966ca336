from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import SwinTransformer, VisionTransformer

from brightfield.errors import Unexplainable
from brightfield.explain.attention_relevance import AttentionRelevance

from .conftest import Bench, case, image
from .transformers import STYLES, Vit, attention_of, by_hand, on_grid, vit

IMAGES = image(3, 24, 32, dtype=torch.float64)
SIZE = (3, 4)


def relevance(layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """(N, N): R = R + mean over heads of (gradient * weights)+ R, from the identity on."""
    found = torch.eye(layers[0][0].shape[-1], dtype=torch.float64)
    for weights, gradient in layers:
        found = found + (gradient * weights).clamp(min=0).mean(0) @ found
    return found


def enlarged(grid: Tensor, size: tuple[int, int] = (24, 32)) -> Tensor:
    return torch.nn.functional.interpolate(grid[None, None], size, mode="bilinear")[0, 0]


@pytest.mark.parametrize("style", STYLES)
def test_it_follows_the_rule_however_attention_is_written(bench: Bench, style: str) -> None:
    model = vit(STYLES[style])
    maps = []
    for target in (1, 3):
        result = bench.explain(AttentionRelevance(target=target), case(model, IMAGES))
        row = relevance(attention_of(model, IMAGES, target))[0]
        expected = enlarged(on_grid(row, (0,), SIZE))
        np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-7)
        assert result.notes == ()
        maps.append(result.values)
    assert np.corrcoef(*(one.ravel() for one in maps))[0, 1] < 0.9  # of each class its own


@pytest.mark.parametrize(("own", "read"), [((), ()), ((0, 1), (0, 1)), ((3, 9), (9,))])
def test_it_starts_from_the_tokens_that_are_read(
    bench: Bench, own: tuple[int, ...], read: tuple[int, ...]
) -> None:
    model = vit(by_hand, own, read=read)
    result = bench.explain(AttentionRelevance(target=2), case(model, IMAGES))
    rows = relevance(attention_of(model, IMAGES, 2))
    rows = rows[list(read)] if read else rows
    expected = enlarged(on_grid(rows.mean(0), own, SIZE))
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-7)


class Ended(nn.Module):
    """A network with a softmax behind its scores."""

    def __init__(self, model: Vit) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.double()).softmax(1)


def test_a_normalising_end_is_left_out(bench: Bench) -> None:
    bare, ended = (
        bench.explain(AttentionRelevance(target=1), case(model, IMAGES)).values
        for model in (vit(), Ended(vit()))
    )
    np.testing.assert_allclose(ended, bare, rtol=1e-6)


def test_torchvisions_transformer_with_its_own_attention(bench: Bench) -> None:
    """By the weights that its attention gives, and their gradients, where it is asked for them."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=5).double().eval()
        nn.init.normal_(model.heads.head.weight)  # type: ignore[arg-type]
    images = image(3, 32, 32, dtype=torch.float64)
    result = bench.explain(AttentionRelevance(target=4), case(model, images))

    tokens = model._process_input(images)
    tokens = torch.cat([model.class_token, tokens], 1) + model.encoder.pos_embedding
    layers = []
    for layer in model.encoder.layers:
        normed, own = layer.ln_1(tokens), layer.self_attention
        q, k, v = torch.nn.functional.linear(normed, own.in_proj_weight, own.in_proj_bias).chunk(
            3, -1
        )
        q, k, v = (x.unflatten(-1, (2, -1)).transpose(1, 2) for x in (q, k, v))
        weights = (q @ k.mT / 8**0.5).softmax(-1)
        _, given = own(normed, normed, normed, average_attn_weights=False)
        torch.testing.assert_close(weights, given)
        weights.retain_grad()
        layers.append(weights)
        tokens = tokens + own.out_proj((weights @ v).transpose(1, 2).flatten(2))
        tokens = tokens + layer.mlp(layer.ln_2(tokens))
    model.heads(model.encoder.ln(tokens)[:, 0])[0, 4].backward()
    row = relevance([(one.detach()[0], one.grad[0]) for one in layers if one.grad is not None])[0]
    expected = enlarged(row[1:].view(4, 4), (32, 32))
    np.testing.assert_allclose(result.values, expected, rtol=1e-4, atol=1e-9)


def test_windowed_attention_is_refused(bench: Bench) -> None:
    model = SwinTransformer([4, 4], 8, [2, 2], [2, 2], [2, 2], num_classes=3).eval()
    with pytest.raises(Unexplainable, match="works in windows"):
        bench.explain(AttentionRelevance(), case(model, image(3, 32, 32)))


def test_a_score_beside_the_attention_is_refused(bench: Bench) -> None:
    class Beside(Vit):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 0 + x.mean((1, 2, 3))[:, None]

    model = vit()
    model.__class__ = Beside
    with pytest.raises(Unexplainable, match="doesn't depend on its attention"):
        bench.explain(AttentionRelevance(), case(model, IMAGES))


def test_timms_transformer_whether_its_attention_is_fused_or_not(bench: Bench) -> None:
    timm = pytest.importorskip("timm")  # here, since it brings a compiler of 110 MB along
    """With register tokens; the fused call never has weights, the other one has."""
    maps = []
    for fused in (True, False):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = timm.create_model(
                "vit_small_patch14_reg4_dinov2", img_size=56, depth=2, num_classes=3
            ).eval()
            nn.init.normal_(model.head.weight)
        for block in model.blocks:
            block.attn.fused_attn = fused
        result = bench.explain(AttentionRelevance(target=1), case(model, image(3, 56, 56)))
        assert result.facts["tokens"] == 1 + 4 + 16 and result.facts["layer_size"] == [4, 4]
        maps.append(result.values)
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-3)
    assert np.ptp(maps[0]) > 0
