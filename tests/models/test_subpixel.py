"""The sub-pixel network against Pillow's bicubic filter and a pixel shuffle done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from brightfield.models.subpixel import Subpixel, enlarge


def random_network(scale: int = 2, width: int = 8, blocks: int = 2) -> Subpixel:
    """One that has something to add: by itself the last layer begins at zero."""
    generator = torch.Generator().manual_seed(3)
    network = Subpixel(scale, width=width, blocks=blocks).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return network.requires_grad_(False)


def some_images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (5, 1), (6, 9)])
def test_enlarges_any_size_by_its_scale(scale: int, sides: tuple[int, int]) -> None:
    enlarged = random_network(scale)(some_images(2, 3, *sides))
    assert enlarged.shape == (2, 3, scale * sides[0], scale * sides[1])
    assert enlarged.isfinite().all()


@pytest.mark.parametrize("scale", [2, 4])
def test_begins_as_pillows_bicubic_enlargement(scale: int) -> None:
    photograph = skimage.data.coffee()[100:150, 200:280]
    network = Subpixel(scale, width=8, blocks=1)
    with torch.no_grad():
        ours = network(torch.from_numpy(photograph).permute(2, 0, 1)[None].float())[0]
    for channel in range(3):
        plane = Image.fromarray(photograph[:, :, channel].astype(np.float32))
        theirs = plane.resize((80 * scale, 50 * scale), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(ours[channel], np.asarray(theirs), atol=1e-3)


def test_lays_the_last_layers_channels_out_in_rows_of_each_colour() -> None:
    network = Subpixel(2, width=4, blocks=1)
    with torch.no_grad():
        # Channel c * 4 + 2 * dy + dx is the large pixel (2 y + dy, 2 x + dx) of colour c.
        network.tail.bias.copy_(torch.arange(12.0))  # type: ignore[union-attr]
        black = torch.zeros(1, 3, 2, 3)
        enlarged = network(black)[0]
    for colour in range(3):
        square = torch.tensor([[0.0, 1.0], [2.0, 3.0]]) + 4 * colour
        assert torch.equal(enlarged[colour], square.repeat(2, 3))


def test_tiles_with_its_radius_around_them_equal_the_whole() -> None:
    network = random_network()
    images = some_images(1, 3, 40, 40)
    whole = network(images)
    y, x, side, halo = 12, 15, 9, network.radius
    tile = network(images[..., y - halo : y + side + halo, x - halo : x + side + halo])
    inner = tile[..., 2 * halo : 2 * (halo + side), 2 * halo : 2 * (halo + side)]
    cut = whole[..., 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)]
    torch.testing.assert_close(inner, cut, rtol=0, atol=1e-6)


def test_its_radius_is_as_far_as_gradients_reach() -> None:
    network = random_network()
    images = some_images(1, 3, 31, 31).requires_grad_()
    centre = network(images)[..., 30:32, 30:32].sum()
    (gradient,) = torch.autograd.grad(centre, images)
    rows, columns = gradient[0].abs().sum(0).nonzero().unbind(1)
    for places in (rows, columns):
        assert (int(places.min()), int(places.max())) == (15 - network.radius, 15 + network.radius)


def test_keeps_the_answer_in_single_precision_under_autocast() -> None:
    network, images = random_network(), 0.99 + 0.01 * some_images(1, 3, 8, 8)
    exact = network(images)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(images)
    assert rounded.dtype == torch.float32
    base = enlarge(images, 2)
    # Only the maps are rounded: the error is a share of what the network adds.
    assert (rounded - exact).abs().max() < 0.03 * (exact - base).abs().max()


@pytest.mark.parametrize("arguments", [{"scale": 1}, {"scale": 2, "width": 0}])
def test_refuses_what_makes_no_network(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Subpixel(**arguments)
