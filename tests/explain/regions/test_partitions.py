from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from brightfield.cards import InputSpec
from brightfield.errors import InvalidRegion
from brightfield.explain.regions.partitions import grid, superpixels


@pytest.mark.parametrize(
    ("size", "cells"), [((8, 12), (4, 3)), ((7, 10), (3, 4)), ((3, 5), (5, 2))]
)
def test_cells_are_numbered_row_by_row_and_differ_by_a_pixel(
    size: tuple[int, int], cells: tuple[int, int]
) -> None:
    labels = grid(size, *cells)
    pairs = zip(size, cells, strict=True)
    edges = [np.round(np.arange(n + 1) * side / n).astype(int) for side, n in pairs]
    for number in range(1, cells[0] * cells[1] + 1):
        row, column = divmod(number - 1, cells[1])
        ys = np.arange(*edges[0][row : row + 2])
        xs = np.arange(*edges[1][column : column + 2])
        expected = np.zeros(size, bool)
        expected[np.ix_(ys, xs)] = True
        np.testing.assert_array_equal(labels == number, expected)


@pytest.mark.parametrize("pixels", ["scaled", "raw"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_superpixels_follow_what_the_model_sees(channels: int, pixels: str) -> None:
    """A disc on a plain ground: hardly a superpixel holds pixels of both."""
    y, x = np.mgrid[:48, :60]
    disc = (y - 20) ** 2 + (x - 33) ** 2 < 150
    values = torch.from_numpy(np.where(disc, 0.9, 0.1)).float().expand(1, channels, 48, 60)
    if pixels == "raw":
        spec = InputSpec(channels=channels, pixels="raw")
        values = values * 4000 - 500
    else:
        spec = InputSpec(channels=channels, mean=(0.4,) * channels, std=(0.2,) * channels)
        values = (values - 0.4) / 0.2
    labels = superpixels(values, spec, 40, 1.0)
    assert labels.shape == (48, 60)
    numbers = np.unique(labels)
    assert numbers[0] == 1 and 2 <= len(numbers) <= 64
    mixed = [number for number in numbers if 0 < disc[labels == number].mean() < 1]
    assert sum((labels == number).sum() for number in mixed) < 0.15 * labels.size


def test_superpixels_are_never_too_many() -> None:
    noise = np.random.default_rng(0).random((1, 3, 150, 150))
    smooth = gaussian_filter(noise, (0, 0, 6, 6))
    values = torch.from_numpy((smooth - smooth.min()) / np.ptp(smooth))
    assert 40 <= superpixels(values, InputSpec(channels=3), 64, 10.0).max() <= 64


def test_an_image_without_parts_is_refused() -> None:
    """Of pure noise every superpixel is too small to stay one."""
    values = torch.rand(1, 3, 200, 200, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InvalidRegion, match="Raise compactness"):
        superpixels(values, InputSpec(channels=3), 64, 10.0)
