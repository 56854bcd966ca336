from __future__ import annotations

import numpy as np
import pytest
import torch

from brightfield.cards import InputSpec
from brightfield.explain.regions.partitions import grid, superpixels


@pytest.mark.parametrize(
    ("size", "cells"), [((8, 12), (4, 3)), ((7, 10), (3, 4)), ((3, 5), (5, 2))]
)
def test_cells_are_numbered_row_by_row_and_differ_by_a_pixel(
    size: tuple[int, int], cells: tuple[int, int]
) -> None:
    labels = grid(size, *cells)
    edges = [np.round(np.arange(n + 1) * side / n).astype(int) for side, n in zip(size, cells)]
    for number in range(1, cells[0] * cells[1] + 1):
        row, column = divmod(number - 1, cells[1])
        ys, xs = (np.arange(*bounds[i : i + 2]) for bounds, i in zip(edges, (row, column)))
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
    values = torch.rand(1, 3, 200, 200, generator=torch.Generator().manual_seed(0))
    assert 2 <= superpixels(values, InputSpec(channels=3), 64, 10.0).max() <= 64
