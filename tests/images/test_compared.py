from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from brightfield.images.compared import beside_bicubic
from brightfield.images.picture import Region
from brightfield.palette import ORANGE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("region", [None, Region(10, 20, 150, 100)])
def test_the_detail_is_where_the_two_differ_most(dtype, region):
    random = np.random.default_rng(0)
    small = random.integers(40, 200, (160, 200, 3)).astype(dtype)
    part = small if region is None else small[20:120, 10:160]
    size = (2 * part.shape[1], 2 * part.shape[0])
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(part, 2, 0)]
    smooth = np.stack([np.asarray(p.resize(size, Image.Resampling.BICUBIC)) for p in planes], 2)
    large = np.clip(np.rint(smooth), 0, 255).astype(dtype)
    large[60:70, 200:210] = 255  # at (100, 30) to (105, 35) of the part
    drawn = beside_bicubic(small, large, region)
    framed = np.argwhere((drawn == ORANGE).all(axis=2)) - 10
    top, left = framed.min(axis=0) * part.shape[1] / 360
    bottom, right = framed.max(axis=0) * part.shape[1] / 360
    assert top <= 31 and bottom >= 33 and left <= 101 and right >= 103


def test_an_image_smaller_than_the_detail_is_the_detail():
    drawn = beside_bicubic(np.zeros((5, 9, 1), np.uint8), np.zeros((20, 36, 1), np.uint8))
    assert drawn.shape[2] == 3 and drawn.shape[1] > 700
