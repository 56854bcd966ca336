"""Colours of maps."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import skimage.color

from brightfield_painting import heatmap, strength


def test_unsigned_is_matplotlibs_inferno() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(100, axis=0)
    expected = mpl.colormaps["inferno"](np.arange(256), bytes=True)[:, :3].astype(int)
    found = heatmap(values, signed=False)[0].astype(int)
    assert np.abs(found - expected).max() <= 8
    assert heatmap(-values, signed=False).max() <= 4


def test_signed_is_lightest_at_zero_and_falls_on_both_sides() -> None:
    values = np.linspace(-1, 1, 401, dtype=np.float32)[None].repeat(3, axis=0)
    colors = heatmap(values, signed=True)
    light = skimage.color.rgb2lab(colors)[0, :, 0]
    assert light.argmax() == pytest.approx(200, abs=3)
    assert (np.diff(light[:196]) >= -0.5).all()
    assert (np.diff(light[205:]) <= 0.5).all()
    red, blue = colors[0, :, 0].astype(int), colors[0, :, 2].astype(int)
    assert blue[40] - red[40] > 60
    assert red[360] - blue[360] > 60


def test_the_scale_is_symmetric_about_zero() -> None:
    values = np.array([[-1, 0, 4]], np.float32).repeat(400, axis=0)
    np.testing.assert_allclose(strength(values)[0], [-0.25, 0, 1])


def test_one_hot_pixel_does_not_hide_the_rest() -> None:
    values = np.full((100, 100), 0.5, np.float32)
    values[0, 0] = 1000
    assert strength(values)[50, 50] == 1


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("value", [0.0, 3.0, -2.0, np.nan, np.inf, 1e-40, 3e38])
def test_constant_maps_are_drawn(signed: bool, value: float) -> None:
    colors = heatmap(np.full((4, 5), value, np.float32), signed=signed)
    assert colors.shape == (4, 5, 3)
    assert colors.dtype == np.uint8
    assert (colors == colors[0, 0]).all()
