"""Maps over pictures."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from brightfield_painting import display, overlay

CAT = skimage.data.chelsea()


@pytest.mark.parametrize("signed", [False, True])
def test_a_silent_map_shows_the_same_as_no_map(signed: bool) -> None:
    quiet = np.zeros(CAT.shape[:2], np.float32)
    loud = quiet.copy()
    loud[100:200, 100:200] = 1
    plain, marked = (overlay(CAT, values, signed=signed) for values in (quiet, loud))
    changed = (plain != marked).any(axis=2)
    assert changed[100:200, 100:200].mean() > 0.99
    assert not changed[loud == 0].any()
    # What is left of the picture is its lightness.
    luma = CAT @ np.array([0.299, 0.587, 0.114])
    assert np.abs(plain @ np.array([0.299, 0.587, 0.114]) - luma).max() < 1.5


@pytest.mark.parametrize("signed", [False, True])
def test_stronger_is_more_opaque(signed: bool) -> None:
    values = np.linspace(0, 1, 101, dtype=np.float32)[None].repeat(8, axis=0)
    white, black = np.full((8, 101, 3), 255, np.uint8), np.zeros((8, 101, 3), np.uint8)
    over_white, over_black = (overlay(p, values, signed=signed, alpha=0.8) for p in (white, black))
    shows = (over_white.astype(int) - over_black)[0].mean(axis=1) / 255
    assert shows[0] == 1
    assert (np.diff(shows) <= 0.01).all()
    assert shows[-1] == pytest.approx(0.2, abs=0.01)


def test_what_the_model_never_saw_is_dimmed() -> None:
    values = np.ones(CAT.shape[:2], np.float32)
    region = (50.0, 30.0, 200.0, 100.0)
    whole, part = (
        overlay(CAT, values, signed=False),
        overlay(CAT, values, signed=False, region=region),
    )
    inside = (slice(30, 130), slice(50, 250))
    np.testing.assert_array_equal(part[inside], whole[inside])
    outside = np.ones(CAT.shape[:2], bool)
    outside[inside] = False
    assert part[outside].mean() < 0.5 * CAT[outside].mean()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_any_picture_can_be_shown(channels: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    pixels = (rng.random((20, 30, channels)) * 255).astype(dtype)
    shown = display(pixels)
    assert shown.shape == (20, 30, 3)
    assert shown.dtype == np.uint8
    if dtype == "u1":
        np.testing.assert_array_equal(shown[..., : min(channels, 3)], pixels[..., :3])
    else:
        assert shown[..., :channels].max() == 255


def test_non_finite_pixels_are_shown() -> None:
    pixels = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10, 1).copy()
    pixels[0, 0] = np.nan
    assert display(pixels)[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("signed", [False, True])
def test_no_colour_of_the_map_outside_the_region(signed: bool) -> None:
    region = (50.5, 30.2, 200.0, 100.0)
    values = np.random.default_rng(0).normal(size=CAT.shape[:2]).astype(np.float32)
    drawn = overlay(CAT, values, signed=signed, region=region)
    silent = overlay(CAT, np.zeros_like(values), signed=signed, region=region)
    ys, xs = np.mgrid[:300, :451] + 0.5
    inside = (xs >= 50.5) & (xs < 250.5) & (ys >= 30.2) & (ys < 130.2)
    np.testing.assert_array_equal(drawn[~inside], silent[~inside])
    assert (drawn[inside] != silent[inside]).any(axis=1).mean() > 0.4


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("value", [0.0, -2.0, 5.0, np.nan, np.inf, 1e-42])
def test_constant_maps_are_laid_over(signed: bool, value: float) -> None:
    drawn = overlay(CAT, np.full(CAT.shape[:2], value, np.float32), signed=signed)
    silent = overlay(CAT, np.zeros(CAT.shape[:2], np.float32), signed=signed)
    assert drawn.shape == CAT.shape
    if not np.isfinite(value) or value == 0:
        np.testing.assert_array_equal(drawn, silent)
