from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brightfield.images.grabcut import grabcut
from brightfield.images.heat import Heat


def disc(height: int, width: int, y: float, x: float, radius: float) -> NDArray[np.bool_]:
    ys, xs = np.mgrid[:height, :width]
    inside: NDArray[np.bool_] = (ys - y) ** 2 + (xs - x) ** 2 <= radius**2
    return inside


def scene(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A red disc on noisy green, and where it is."""
    inside = disc(height, width, 0.45 * height, 0.6 * width, 0.2 * height)
    picture = np.where(inside[..., None], (200, 40, 30), (60, 150, 70)).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 12, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), inside


def pointing(inside: NDArray[np.bool_], seed: int = 1) -> NDArray[np.float32]:
    """A cloud of points, more of them in the middle of the object: what a gradient's map is."""
    noise = np.random.default_rng(seed).random(inside.shape)
    return (noise * gaussian_filter(inside.astype(float), inside.shape[0] / 12)).astype(np.float32)


def whole(values: NDArray[np.float32], *, signed: bool = False) -> Heat:
    height, width = values.shape
    return Heat(values, signed, (0, 0, width, height))


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("size", [(90, 120), (500, 700)])
def test_it_cuts_out_what_the_map_points_to(size: tuple[int, int]) -> None:
    """The map alone would not do: its outline is a blur."""
    picture, inside = scene(*size)
    values = pointing(inside)
    found = grabcut(picture, whole(values))
    assert found is not None
    assert found.shape == size
    assert found.dtype == np.bool_
    assert overlap(found, inside) > 0.95
    assert overlap(values > np.quantile(values, 0.95), inside) < 0.7


def test_it_is_the_same_each_time() -> None:
    picture = skimage.data.chelsea()[::2, ::2]
    heat = whole(pointing(disc(*picture.shape[:2], 60, 110, 30)))
    first, second = grabcut(picture, heat), grabcut(picture, heat)
    assert first is not None and second is not None
    assert np.array_equal(first, second)
    assert 0 < first.mean() < 1


def test_of_a_signed_map_the_positive_part_points() -> None:
    picture, inside = scene(90, 120)
    other = disc(90, 120, 20, 20, 12)
    signed = pointing(inside) - 3 * pointing(other, 2)
    found = grabcut(picture, whole(signed, signed=True))
    assert found is not None
    assert overlap(found, inside) > 0.95


def test_outside_the_region_nothing_is_marked() -> None:
    picture, inside = scene(90, 120)
    heat = Heat(pointing(inside), False, (30.0, 10.0, 80.0, 70.0))
    found = grabcut(picture, heat)
    assert found is not None
    assert overlap(found, inside) > 0.95
    within = np.zeros_like(found)
    within[10:80, 30:110] = True
    assert not found[~within].any()


@pytest.mark.parametrize("share", [0.005, 0.02, 0.9])
def test_where_most_pixels_share_one_value_there_are_still_seeds(share: float) -> None:
    """Both quantiles may be the map's most frequent value, be it the lowest or the highest."""
    picture, _ = scene(90, 120)
    values = np.zeros((90, 120), np.float32)
    values.ravel()[: round(share * values.size)] = 1
    found = grabcut(picture, whole(values))
    assert found is not None
    if share == 0.9:
        assert not found[-2:].all()


def test_without_seeds_there_is_no_mask() -> None:
    picture, inside = scene(90, 120)
    for constant in (np.zeros((90, 120), np.float32), np.full((90, 120), np.nan, np.float32)):
        assert grabcut(picture, whole(constant)) is None
    for height, width in ((1, 1), (3, 4), (1, 40)):
        values = np.random.default_rng(0).random((height, width)).astype(np.float32)
        assert grabcut(picture[:height, :width], whole(values)) is None
    assert grabcut(picture, Heat(pointing(inside), False, (5.2, 5.2, 0.2, 0.2))) is None
    negative = -pointing(inside)
    assert grabcut(picture, whole(negative, signed=True)) is None


def test_one_colour_is_no_fault() -> None:
    grey = np.full((60, 60, 3), 128, np.uint8)
    values = pointing(disc(60, 60, 30, 30, 10))
    found = grabcut(grey, whole(values))
    assert found is not None
    assert found[30, 30]
