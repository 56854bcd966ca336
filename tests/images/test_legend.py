"""A legend below a picture leaves the picture as it is."""

from __future__ import annotations

import numpy as np
import pytest

from brightfield.images.legend import PictureLegend, with_legend
from brightfield_painting import ColorScale

LONG = PictureLegend(
    ("grad_cam: " + "a_name_without_any_blank" * 20,),
    ColorScale(-2.0, 2.0, signed=True),
    tuple((f"class {n} " + "x" * n, (n, 0, 0)) for n in range(50)),
)


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (30, 2000)])
def test_the_picture_keeps_its_pixels(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    drawn = with_legend(picture, LONG)
    np.testing.assert_array_equal(drawn[: shape[0], : shape[1]], picture)
    strip = drawn[shape[0] :]
    assert strip.shape[1] >= max(240, shape[1]) and (strip != 255).any()
    assert (strip == (39, 0, 0)).all(-1).any() and not (strip == (40, 0, 0)).all(-1).any()
    assert (strip[:, -2:] == 255).all()  # nothing runs over the edge


def test_the_bar_has_the_colours_of_the_scale() -> None:
    drawn = with_legend(np.zeros((5, 300, 3), np.uint8), PictureLegend(scale=LONG.scale))
    assert (drawn == (5, 48, 97)).all(-1).any() and (drawn == (103, 0, 31)).all(-1).any()
