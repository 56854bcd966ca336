"""How layers are read as maps, whatever the order of their axes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import get_model

from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.layouts import MapLayout, StatedAxes, Unplaced, layouts

from .transformers import Tokens

IMAGES = torch.randn(2, 3, 48, 32, generator=torch.Generator().manual_seed(0))


class Seen(nn.Module):
    """A stem of convolutions, and something that is done with its maps."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.there, self.does = nn.Conv2d(3, 4, 4, 4), nn.Identity(), does

    def forward(self, images: Tensor) -> Tensor:
        seen: Tensor = self.there(self.does(self.stem(images)))
        return seen


def found(
    does: Callable[[Tensor], Tensor], stated: StatedAxes | None = None
) -> tuple[MapLayout | Unplaced, Tensor, Tensor]:
    """The layout behind a function of the stem's maps, the values there, and the maps."""
    module = Seen(does).eval()
    layout = layouts(module, [Tap("there")], IMAGES, stated)[Tap("there")]
    with torch.no_grad(), reading(module, [Tap("stem"), Tap("there")]) as read:
        module(IMAGES)
    return layout, read[Tap("there")], read[Tap("stem")]


def windows(maps: Tensor, side: int = 2) -> Tensor:
    """(B h/s w/s, s s, C), as Swin transformers cut maps (B, h, w, C)."""
    rows, channels, height, width = maps.shape
    cut = maps.permute(0, 2, 3, 1).view(rows, height // side, side, width // side, side, channels)
    return cut.transpose(2, 3).reshape(-1, side * side, channels)


def joined(cut: Tensor, maps: Tensor, side: int = 2) -> Tensor:
    rows, channels, height, width = maps.shape
    apart = cut.view(rows, height // side, width // side, side, side, channels)
    return apart.transpose(2, 3).reshape(rows, height, width, channels)


def attended(maps: Tensor) -> Tensor:
    tokens = maps.flatten(2).mT
    weights = (tokens @ tokens.mT).softmax(-1)
    return tokens + 0 * (weights @ tokens)


MOVED: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "as they are": ("BCHW", lambda maps: maps),
    "channels last": ("BHWC", lambda maps: maps.permute(0, 2, 3, 1)),
    "a turned copy": ("BCHW", lambda maps: maps.mT.contiguous()),
    "flipped": ("BCHW", lambda maps: maps.flip(2, 3)),
    "rolled there and back": (
        "BCHW", lambda maps: maps.roll((1, 2), (2, 3)).roll((-1, -2), (2, 3))
    ),
    "tokens": ("BNC", lambda maps: maps.flatten(2).mT),
    "tokens last": ("BCN", lambda maps: maps.flatten(2)),
    "tokens first": ("NBC", lambda maps: maps.flatten(2).permute(2, 0, 1)),
    "column by column": ("BNC", lambda maps: maps.mT.flatten(2).mT),
    "behind two others": ("BNC", lambda maps: functional.pad(maps.flatten(2).mT, (0, 0, 2, 0))),
    "before another": (
        "BNC", lambda maps: torch.cat([t := maps.flatten(2).mT, torch.ones_like(t[:, :1])], 1)
    ),
    "heads": ("BCNC", lambda maps: maps.flatten(2).mT.unflatten(2, (2, 2)).transpose(1, 2)),
    "windows there and back": ("BHWC", lambda maps: joined(windows(maps), maps)),
    "windows side by side": ("BNNC", lambda maps: windows(maps).unflatten(0, (2, -1))),
    "attention": ("BNC", attended),
    "layer norm": ("BHWC", lambda maps: functional.layer_norm(maps.permute(0, 2, 3, 1), [4])),
    "written into": (
        "BHWC", lambda maps: maps.new_empty(2, 12, 8, 4).copy_(maps.permute(0, 2, 3, 1))
    ),
    "written by numbers": (
        "BCN", lambda maps: maps.new_zeros(2, 4, 97).index_copy(
            2, torch.arange(96, 0, -1), maps.flatten(2)
        ),
    ),
    "written into a part": (
        "BNC", lambda maps: maps.new_zeros(2, 97, 4).slice_scatter(maps.flatten(2).mT, 1, 1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", MOVED)
def test_values_that_were_moved_are_read_as_the_maps_that_they_were(how: str) -> None:
    axes, does = MOVED[how]
    layout, values, maps = found(does)
    assert isinstance(layout, MapLayout) and not layout.assumed
    assert (layout.axes.replace("WH", "HW"), layout.grid) == (axes, (12, 8))
    if how not in ("layer norm", "attention"):
        assert torch.equal(layout.maps(values), maps)


def test_a_view_is_written_into() -> None:
    def does(maps: Tensor) -> Tensor:
        tokens = maps.new_zeros(2, 97, 4)
        tokens[:, 1:] = maps.flatten(2).mT
        return tokens

    layout, values, maps = found(does)
    assert isinstance(layout, MapLayout)
    assert torch.equal(layout.maps(values), maps)


MADE: dict[str, tuple[str, tuple[int, int], Callable[[Tensor], Tensor]]] = {
    "merged patches": (
        "BHWC", (6, 4),
        lambda maps: torch.cat(
            [maps[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 1
        ).permute(0, 2, 3, 1) @ torch.ones(16, 8),
    ),
    "space to depth": ("BCHW", (6, 4), lambda maps: functional.pixel_unshuffle(maps, 2)),
    "depth to space": ("BCHW", (24, 16), lambda maps: functional.pixel_shuffle(maps, 2)),
    "pooled": ("BCHW", (6, 4), lambda maps: functional.max_pool2d(maps, 2)),
    "pooled unevenly": ("BCHW", (5, 3), lambda maps: functional.adaptive_avg_pool2d(maps, (5, 3))),
    "enlarged": ("BCHW", (24, 16), lambda maps: functional.interpolate(maps, scale_factor=2)),
    "convolved in a circle": (
        "BCHW", (6, 4),
        lambda maps: functional.conv2d(
            functional.pad(maps, (1, 1, 1, 1), mode="circular"), torch.ones(4, 4, 3, 3), stride=2
        ),
    ),
    "turned and convolved": (
        "BCWH", (6, 4), lambda maps: functional.conv2d(maps.mT, torch.ones(4, 4, 2, 2), stride=2)
    ),
    "padded behind": ("BCHW", (13, 9), lambda maps: functional.pad(maps, (0, 1, 0, 1))),
    "pooled and laid over": (
        "BCHW", (12, 8),
        lambda maps: maps * functional.adaptive_avg_pool2d(maps, 1).sigmoid(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", MADE)
def test_maps_that_are_made_of_maps_have_places(how: str) -> None:
    axes, grid, does = MADE[how]
    layout, values, _ = found(does)
    assert isinstance(layout, MapLayout) and not layout.assumed
    turned = "H" if axes == "BCWH" else None
    assert layout.grid == grid
    assert layout.maps(values).shape[2:] == grid
    assert layout.axes == ("BCWH" if turned else axes)


UNPLACED: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "cut into windows": ("several rows", windows),
    "mixed": ("come from all places", lambda maps: maps.flatten(2) @ torch.ones(96, 6)),
    "sorted": ("behind the operation sort", lambda maps: maps.flatten(2).sort(2).values),
    "some of them": ("no complete grid", lambda maps: maps.flatten(2)[:, :, :50].mT),
}


@pytest.mark.parametrize("how", UNPLACED)
def test_what_is_not_known_has_no_layout_but_a_reason(how: str) -> None:
    reason, does = UNPLACED[how]
    layout, _, _ = found(does)
    assert isinstance(layout, Unplaced)
    assert reason in layout.reason


def test_pooled_values_have_one_place() -> None:
    for does in (
        lambda maps: maps.mean((2, 3)),
        lambda maps: maps.mean((2, 3), keepdim=True),
        lambda maps: functional.adaptive_max_pool2d(maps, 1),
    ):
        layout, values, _ = found(does)
        assert isinstance(layout, MapLayout) and not layout.spatial
        assert layout.maps(values).shape == (2, 4, 1, 1)


def test_lost_places_are_taken_from_the_proportions_if_these_tell_them() -> None:
    lose = lambda maps: maps.sort(1).values.sort(1).values  # noqa: E731
    layout, _, _ = found(lose)
    assert layout == MapLayout("BCHW", (12, 8), assumed=True)
    layout, _, _ = found(lambda maps: lose(maps).permute(0, 2, 3, 1))
    assert layout == MapLayout("BHWC", (12, 8), assumed=True)


@pytest.mark.parametrize("stated", ["BCN", "BNC"])
def test_a_card_may_state_the_axes(stated: StatedAxes) -> None:
    def does(maps: Tensor) -> Tensor:
        tokens = maps.flatten(2).sort(2).values
        tokens = torch.cat([tokens[:, :, :1], tokens], 2)
        return tokens if stated == "BCN" else tokens.mT

    layout, values, _ = found(does, stated)
    assert layout == MapLayout(stated, (12, 8), order=tuple(range(1, 97)))
    tokens = values if stated == "BCN" else values.mT
    assert torch.equal(layout.maps(values), tokens[:, :, 1:].unflatten(2, (12, 8)))
    wrong, _, _ = found(lambda maps: does(maps)[:, :1, :9], "BCN")
    assert isinstance(wrong, Unplaced) or wrong.grid == (3, 2)


def test_a_network_that_takes_one_image_only_is_followed() -> None:
    class One(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.view(1, 3, 48, 32).permute(0, 2, 3, 1)

    layout = layouts(nn.Sequential(One()), [Tap("0")], IMAGES[:1])[Tap("0")]
    assert layout == MapLayout("BHWC", (48, 32))


def test_tokens_of_a_transformer() -> None:
    module = Tokens(blocks=1, extra=3).eval()
    taps = [Tap("blocks.0"), Tap("blocks.0.attend"), Tap("patches"), Tap("", "output")]
    known = layouts(module, taps, IMAGES)
    order = tuple(range(3, 27))
    assert known[taps[0]] == known[taps[1]] == MapLayout("BNC", (6, 4), order=order)
    assert known[taps[2]] == MapLayout("BCHW", (6, 4))
    assert known[taps[3]] == MapLayout("BC", (1, 1))


@pytest.mark.parametrize(
    ("builder", "layer", "axes"),
    [
        ("swin_t", "features.7.1", "BHWC"),
        ("swin_v2_t", "features.5.3", "BHWC"),
        ("convnext_tiny", "features.7", "BCHW"),
        ("convnext_tiny", "features.5.0.block.3", "BHWC"),
        ("vit_b_32", "encoder.layers.encoder_layer_3", "BNC"),
        ("maxvit_t", "blocks.1.layers.0.layers.window_attention.attn_layer.0", "BNNC"),
    ],
)
@pytest.mark.slow
def test_well_known_transformers(builder: str, layer: str, axes: str) -> None:
    module = get_model(builder, weights=None).eval()
    layout = layouts(module, [Tap(layer)], torch.zeros(1, 3, 224, 224))[Tap(layer)]
    assert isinstance(layout, MapLayout) and not layout.assumed
    assert layout.axes == axes
