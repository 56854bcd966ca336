"""The U-Net: shapes, where an output looks, and tiles that equal the whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from brightfield.cards import read_card
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.weights import locate
from brightfield.models.unet import UNet
from brightfield.zoo import folder

RADIUS, STRIDE = 121, 16


@pytest.fixture(scope="module")
def network() -> UNet:
    """Random weights, and running statistics from noise so that no activation is saturated."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = UNet(classes=2, auxiliary=3)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = None  # a plain mean
        with torch.no_grad():
            network(torch.rand(2, 3, 128, 128))
    return network.eval().requires_grad_(False).double()


def noise(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (48, 160), (96, 32)])
def test_answers_in_the_size_of_the_image(network: UNet, height: int, width: int) -> None:
    assert network(noise(height, width)).shape == (1, 5, height, width)


def test_looks_no_farther_than_its_radius(network: UNet) -> None:
    reached = []
    for place in (144, 144 + STRIDE - 1):  # either end of the coarsest grid's cell
        images = noise(304, 304).requires_grad_()
        maps = network(images)
        (gradient,) = torch.autograd.grad(maps[0, :, place, place].sum(), images)
        seen = gradient[0].abs().sum(0).nonzero()
        reached.append(int((seen - place).abs().max()))
    assert max(reached) <= RADIUS
    assert max(reached) > 0.9 * RADIUS  # and the stated radius is no idle bound


def test_a_tile_with_a_halo_equals_the_whole(network: UNet) -> None:
    images = noise(224, 272)
    halo = -(-RADIUS // STRIDE) * STRIDE
    tile = network(images[:, :, : 64 + halo, 48:])
    whole = network(images)
    torch.testing.assert_close(tile[:, :, :64, halo:], whole[:, :, :64, 48 + halo :])


def test_gradients_reach_every_parameter_and_the_image() -> None:
    network = UNet(auxiliary=1).train()
    images = noise(64, 64).float().requires_grad_()
    network(images).square().mean().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_encoder_is_that_of_efficientnet_lite0() -> None:
    published = EfficientNetLite.rename(
        read_checkpoint(locate(read_card(folder() / "imagenet-lite0"), None)).states[""]
    )
    classifier, network = EfficientNetLite().eval(), UNet().eval()
    classifier.load_state_dict(published)
    network.load_state_dict(
        {k: published[k] for k in network.state_dict() if k in published}, strict=False
    )
    images = noise(64, 96).float()
    with torch.no_grad():
        levels = network.encode(images)
        maps, wanted = classifier.stem(images), []
        for block in classifier.blocks[:8]:
            maps = block(maps)
            wanted.append(maps)
    for level, expected in zip(
        levels[1:], [wanted[0], wanted[2], wanted[4], wanted[7]], strict=True
    ):
        torch.testing.assert_close(level, expected)


def test_nothing_works_in_place(network: UNet) -> None:
    assert not any(getattr(part, "inplace", False) for part in network.modules())
