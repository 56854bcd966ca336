"""Explanations in image pixels: from a file through the engine back to the place in the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from brightfield.explain import catalog
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.method import Method
from brightfield.explain.occlusion import Occlusion
from brightfield.tensors import Map

from ..toys.engines import Bench, noise, png

# The models here have no attention, and one takes a power, for which LRP has no rule.
METHODS = {
    name: kind
    for name, kind in catalog().items()
    if not name.startswith("attention") and name != "lrp"
}
# The model `brightness` resizes the short side to 50 (so the long one to 83) and sees the middle
# 40 x 40: of an image of 300 x 500, one of its pixels is 6 rows and 6.02 columns, and what it sees
# is the rows 30 to 270 and 241 columns from 132.5 on (22 of its pixels).
HEIGHT, WIDTH = 300, 500
SQUARES = [(66, 174), (200, 300), (120, 240)]


def lit(y: int, x: int, side: int = 36) -> NDArray[np.uint8]:
    """A white square on black."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[y : y + side, x : x + side] = 255
    return pixels


def centre(values: Map) -> tuple[float, float]:
    """Of the pixels that come near the largest value, (x, y)."""
    ys, xs = np.nonzero(values > 0.8 * values.max())
    return float(xs.mean() + 0.5), float(ys.mean() + 0.5)


def quick(name: str) -> Method:
    """The method with parameters that make it short, where it has these."""
    short: dict[str, Any] = {
        "steps": 4,
        "samples": 6,
        "masks": 600,
        "window": 8,
        "stride": 4,
        "layer": "grey",
    }
    kind = METHODS[name]
    if "neuron" in kind.model_fields:  # there the layer is the neuron's
        del short["layer"]
    if name == "kernel_shap":
        short = {"rows": 8, "columns": 8, "samples": 300}
    return kind(**{key: value for key, value in short.items() if key in kind.model_fields})


@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("name", METHODS)
def test_the_map_lights_up_where_the_image_does(
    bench: Bench, name: str, square: tuple[int, int]
) -> None:
    y, x = square
    answer = bench.answer(quick(name), png(lit(y, x)), "brightness")
    values = answer.result.heat().map
    assert values.shape == (HEIGHT, WIDTH)
    tolerance = 12 if answer.task == "occlusion" else 3  # its windows are coarse
    assert centre(values) == pytest.approx((x + 18, y + 18), abs=tolerance)


@pytest.mark.parametrize("square", SQUARES)
def test_a_gradient_is_sharp_to_a_pixel_of_the_input(bench: Bench, square: tuple[int, int]) -> None:
    y, x = square
    result = bench.answer(GradientSaliency(), png(lit(y, x)), "brightness").result
    ys, xs = np.nonzero((values := result.heat().map) > values.max() / 2)
    found = [ys.min(), ys.max() + 1, xs.min(), xs.max() + 1]
    assert found == pytest.approx([y, y + 36, x, x + 36], abs=3.1)


def test_what_the_model_does_not_see_is_zero(bench: Bench) -> None:
    grey = png(noise(HEIGHT, WIDTH) // 2 + 100)
    heat = bench.answer(GradientSaliency(), grey, "brightness").result.heat()
    left, top, width, height = heat.region
    assert (top, height, width) == pytest.approx((30, 240, 240), abs=1)
    assert left == pytest.approx(22 * 500 / 83)
    seen = np.zeros((HEIGHT, WIDTH), bool)
    seen[round(top) : round(top + height), round(left) : round(left + width)] = True
    assert heat.map[seen].all()
    assert not heat.map[~seen].any()


def test_a_region_is_explained_in_pixels_of_the_whole_image(bench: Bench) -> None:
    """200 x 120 from (280, 170): resized by 5 / 12 to 50 rows, of which the middle is seen."""
    region = (280, 170, 200, 120)
    answer = bench.answer(GradientSaliency(), png(lit(200, 350)), "brightness", region=region)
    heat = answer.result.heat()
    assert heat.map.shape == (HEIGHT, WIDTH)
    assert heat.region[1::2] == pytest.approx((170 + 12, 96), abs=0.1)
    assert heat.region[0] + heat.region[2] / 2 == pytest.approx(380, abs=1.5)
    assert centre(heat.map) == pytest.approx((368, 218), abs=2.5)
    outside = heat.map.copy()
    outside[180:280, 330:430] = 0
    assert not outside.any()


def test_the_same_place_is_hidden_that_is_named(bench: Bench) -> None:
    """Hiding the square takes the whole score away, hiding elsewhere nothing."""
    image = png(lit(120, 240))
    for hide, part in (
        ("237,117,42,42", 1),
        ("237,117;279,117;279,159;237,159", 1),
        ("237,117,21,42", 0.5),
        ("150,200,60,60", 0),
        ("0,0,500,300", 1),
    ):
        answer = bench.answer(Occlusion(hide=hide), image, "brightness")
        what_if = answer.result.payload("input")["what_if"]
        share = what_if["difference"][0] / what_if["before"][0]
        assert share == pytest.approx(part, abs=0.03), hide


def test_the_occluders_edges_are_in_image_pixels(bench: Bench) -> None:
    answer = bench.answer(Occlusion(window=8, stride=8), png(lit(120, 240)), "brightness")
    grid = answer.result.payload("input")["grid"]
    left, top, width, height = answer.result.heat().region
    assert np.ravel(grid["y"])[[0, -1]].tolist() == pytest.approx([top, top + height])
    assert np.ravel(grid["x"])[[0, -1]].tolist() == pytest.approx([left, left + width])
    assert grid["y"][1] == pytest.approx([78, 126])
    rows: Any = answer.result.table().rows
    best = max(rows, key=lambda row: row[-1])
    assert best[2] <= 258 <= best[4]  # the centre of the square is in the window that costs most
    assert best[3] <= 138 <= best[5]
