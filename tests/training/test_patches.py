"""Patches of small and large images: they stay each other's, however they are changed."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from torch.nn import functional

from brightfield.images.intensity import Intensity
from training.patches import Pair, Patches, pairs

WHOLE = Intensity("percentile:0,100")


@pytest.fixture(scope="module")
def coffee() -> np.ndarray:
    return skimage.data.coffee()


def test_pairs_have_sides_that_agree(coffee: np.ndarray) -> None:
    found = pairs([coffee], scale=4, sizes=(1.0, 0.7, 0.1), side=24, intensity=WHOLE)
    assert [pair.small.shape for pair in found] == [
        (100, 150, 3),
        (70, 105, 3),
    ]  # a tenth: too small
    assert [pair.large.shape for pair in found] == [(400, 600, 3), (280, 420, 3)]


@pytest.mark.parametrize("scale", [2, 4])
def test_a_large_patch_averages_to_its_small_one(coffee: np.ndarray, scale: int) -> None:
    drawn = Patches(pairs([coffee], scale, (1.0,), 20, WHOLE), side=20, batch=12, grey=0.3)
    small, large = next(drawn.draw(np.random.default_rng(0)))
    assert small.shape == (12, 3, 20, 20)
    assert large.shape == (12, 3, 20 * scale, 20 * scale)
    means = functional.avg_pool2d(large, scale)
    # Any patch turned, mirrored or coloured otherwise than its partner would differ far more.
    assert ((means - small).abs().mean((1, 2, 3)) < 0.015).all()


def test_turns_and_mirrors_in_all_eight_ways() -> None:
    small = np.zeros((2, 2, 3), np.uint8)
    small[0, 1], small[1, 1], small[1, 0] = 51, 102, 153
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    drawn = Patches([Pair(small, large)], side=2, batch=200, grey=0.0)
    patches, _ = next(drawn.draw(np.random.default_rng(1)))
    seen = {tuple(patch[0].flatten().mul(5).round().int().tolist()) for patch in patches}
    # A square's corners 0 to 3 in turn, from any corner, in either sense: the dihedral group.
    around = [0, 1, 2, 3]
    rings = [around[turn:] + around[:turn] for turn in range(4)]
    rings += [ring[::-1] for ring in rings]
    assert seen == {(ring[0], ring[1], ring[3], ring[2]) for ring in rings}


def test_grey_patches_show_one_channel_in_both_sizes(coffee: np.ndarray) -> None:
    drawn = Patches(pairs([coffee], 2, (1.0,), 8, WHOLE), side=8, batch=16, grey=1.0)
    for images in next(drawn.draw(np.random.default_rng(2))):
        assert torch.equal(images, images[:, :1].expand(-1, 3, -1, -1))


def test_the_same_seed_draws_the_same(coffee: np.ndarray) -> None:
    drawn = Patches(pairs([coffee], 2, (1.0,), 8, WHOLE), side=8, batch=4, grey=0.5)
    first, second = (next(drawn.draw(np.random.default_rng(5))) for _ in range(2))
    assert torch.equal(first[1], second[1])


def test_the_small_images_own_limits_become_0_and_1() -> None:
    image = np.full((16, 16, 3), 50, np.uint8)
    image[8:] = 90
    plain = np.full((16, 16, 3), 7, np.uint8)
    (pair,) = pairs([image, plain], 2, (1.0,), 8, WHOLE)  # of one value there is nothing to learn
    low, high = int(pair.small.min()), int(pair.small.max())
    assert (pair.low, pair.high) == (low, high)
    small, large = next(Patches([pair], 8, 1, grey=0.0).draw(np.random.default_rng(0)))
    assert (float(small.min()), float(small.max())) == (0, 1)
    assert float(large.max()) == pytest.approx((90 - low) / (high - low))
