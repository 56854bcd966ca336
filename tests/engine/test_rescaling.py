"""The size at which a model sees an image: answers lie where the objects are, at any of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from brightfield.errors import BrightfieldError, InvalidParameter, UnfitImage
from brightfield.explain.gradient import GradientSaliency
from brightfield.tasks.detect import Detect
from brightfield.tasks.segment import Segment
from brightfield.tasks.superresolve import Superresolve

from ..toys.engines import Bench, noise, npy, png

# Left, top, right, bottom of bright rectangles, none of which lies as another on any coarser grid.
PLACES = (
    (13, 9, 47, 40),
    (80, 22, 121, 61),
    (21, 77, 58, 118),
    (97, 90, 130, 141),
    (150, 5, 187, 44),
)
"""In a field of 160 x 203 pixels."""


def field() -> NDArray[np.uint8]:
    pixels = np.zeros((160, 203, 3), np.uint8)
    for left, top, right, bottom in PLACES:
        pixels[top:bottom, left:right] = 255
    return pixels


IMAGE = png(field())


def edges(found: Any) -> NDArray[np.float64]:
    boxes = [tuple(each.box.json().values()) for each in found.result.objects]
    return np.array(sorted(boxes, key=lambda box: (box[0] > 70, box[1] > 70, box)))


@pytest.mark.parametrize("region", [None, (3, 2, 197, 155)])
@pytest.mark.parametrize("scale", [0.2, 0.25, 0.37, 0.5, 1.5, 2.0, 3.3])
def test_a_known_mask_comes_back_where_it_is(
    bench: Bench, scale: float, region: tuple[int, int, int, int] | None
) -> None:
    found: Any = bench.answer(Segment(mode="instance"), IMAGE, "bright", scale=scale, region=region)
    truth = field()[..., 0] > 0
    labels = found.result.labels
    assert (found.scale, labels.shape, len(found.result.objects)) == (scale, truth.shape, 5)
    wanted = np.array(sorted(PLACES, key=lambda box: (box[0] > 70, box[1] > 70, box)), float)
    apart = edges(found) - wanted
    assert np.abs(apart).max() <= 0.5 / min(scale, 1) + 0.5
    # By as much to one side as to the other: a shift of half a cell would show here.
    assert np.abs(apart.reshape(-1, 2).mean(axis=0)).max() <= 0.2 / min(scale, 1) + 0.05
    assert (truth & (labels > 0)).sum() / (truth | (labels > 0)).sum() > (
        0.85 if scale < 0.5 else 0.95
    )


def test_boxes_come_back_in_pixels_of_the_image(bench: Bench) -> None:
    at_once, half = (
        edges(bench.answer(Detect(), IMAGE, "bright", scale=scale)) for scale in ("off", 0.5)
    )
    assert np.abs(at_once - half).max() <= 1


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_map_comes_back_in_pixels_of_the_image(bench: Bench, scale: float) -> None:
    method = GradientSaliency(target=("bright",))
    answer: Any = bench.answer(method, IMAGE, "bright", scale=scale)
    values = answer.result.raster("image").array
    assert values.shape[-2:] == (160, 203)
    inside = np.abs(values[..., field()[..., 0] > 0]).mean()
    assert inside > 5 * np.abs(values[..., field()[..., 0] == 0]).mean()


@pytest.mark.parametrize(
    ("more", "scale", "notes"),
    [
        ({"pixel_size": 0.125}, 0.25, ["image_resampled"]),
        ({"pixel_size": 1.0}, 2.0, ["image_resampled"]),
        ({"pixel_size": 0.53}, 1.0, []),  # near enough
        ({"pixel_size": 0.125, "scale": "off"}, 1.0, []),
        ({"pixel_size": 0.125, "scale": "0.5"}, 0.5, []),
        ({"pixel_size": 19.5}, 1.0, ["objects_outside_range"]),  # a scanner's, perhaps
        ({}, 1.0, []),
        ({"diameter": 32}, 0.5, []),
        ({"diameter": "20um", "pixel_size": 0.25}, 0.2, []),
    ],
)
def test_both_pixel_sizes_or_the_caller_say_the_size(
    bench: Bench, more: dict[str, Any], scale: float, notes: list[str]
) -> None:
    answer = bench.answer(Segment(mode="semantic"), IMAGE, "sized", **more)
    assert (answer.scale, [note.code for note in answer.notes]) == (pytest.approx(scale), notes)


@pytest.mark.parametrize("scale", ["off", 0.5])
def test_objects_of_other_sizes_than_the_model_knows(bench: Bench, scale: Any) -> None:
    # They are 33 to 41 pixels across.
    (*known,) = bench.answer(Segment(mode="instance"), IMAGE, "sized", scale=scale).notes
    codes = [note.code for note in known]
    assert codes == (["objects_outside_range"] if scale == "off" else [])
    if known:
        assert "8 to 32 pixels" in known[0].detail
        assert "5 of 5" in known[0].detail


@pytest.mark.parametrize(
    ("work", "model", "more", "error"),
    [
        (Segment(), "resized", {"scale": 0.5}, InvalidParameter),
        (Segment(), "resized", {"diameter": 20}, InvalidParameter),
        (Segment(), "raw-bright", {"scale": 0.5}, UnfitImage),
        (Segment(), "bright", {"diameter": 20}, InvalidParameter),
        (Segment(), "sized", {"diameter": "20um"}, InvalidParameter),
        (Segment(), "sized", {"diameter": 0.5}, InvalidParameter),
        (Superresolve(), "repeat-x2", {"diameter": 20}, InvalidParameter),
        (Superresolve(), "repeat-x2", {"scale": 0.5}, InvalidParameter),
    ],
)
def test_a_wish_that_cannot_be_followed_is_refused(
    bench: Bench, work: Any, model: str, more: dict[str, Any], error: type[BrightfieldError]
) -> None:
    image = npy(np.zeros((1, 8, 8), np.float32)) if model == "raw-bright" else png(noise(20, 20))
    with pytest.raises(error, match=r"scale|diameter|enlarged"):
        bench.answer(work, image, model, **more)


def pyramid(height: int, width: int) -> bytes:
    """The field at level 2 alone, whose pixels are 0.5 micrometres; levels above it are black."""
    file = io.BytesIO()
    known = {"resolution": (80_000, 80_000), "resolutionunit": "CENTIMETER"}
    tiles: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb"}
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((height, width, 3), np.uint8), subifds=2, **tiles, **known)
        writer.write(np.zeros((320, 406, 3), np.uint8), subfiletype=1, **tiles)
        writer.write(field(), subfiletype=1, **tiles)
    return file.getvalue()


@pytest.mark.parametrize(
    ("more", "level", "found"),
    [
        ({}, 2, 5),
        ({"scale": 0.25}, 2, 5),
        ({"diameter": 64}, 2, 5),
        ({"region": (1, 2, 801, 630)}, 2, 5),
        ({"pixel_size": 0.25}, 1, 0),
        ({"scale": "off"}, None, 0),
        ({"level": 0}, None, 0),
    ],
)
@pytest.mark.parametrize("size", [(640, 812), (637, 810)])
def test_a_pyramid_is_read_at_the_level_that_suffices(
    bench: Bench, size: tuple[int, int], more: dict[str, Any], level: int | None, found: int
) -> None:
    answer: Any = bench.answer(Segment(mode="instance"), pyramid(*size), "sized", **more)
    read = answer.picture.level
    assert (None if read is None else read.number) == level
    assert ("level_chosen" in [note.code for note in answer.notes]) == (level is not None)
    assert answer.result.labels.shape == size and len(answer.result.objects) == found
    assert answer.overlay().shape[:2] == size
    if found:
        across, down = size[1] / 203, size[0] / 160
        wanted = np.array(sorted(PLACES, key=lambda box: (box[0] > 70, box[1] > 70, box)), float)
        boxes = [tuple(each.box.json().values()) for each in answer.result.objects]
        there = np.array(sorted(boxes, key=lambda box: (box[0] > 280, box[1] > 280, box)))
        apart = there - wanted * [across, down, across, down]
        assert np.abs(apart).max() <= 2  # half a pixel of the level
        assert "region" in more or np.abs(apart.reshape(-1, 2).mean(axis=0)).max() <= 0.6
        means = [each.measures.mean_intensity[0] for each in answer.result.objects]
        assert min(means) > 240


def test_a_level_that_is_named_answers_in_its_own_pixels(bench: Bench) -> None:
    answer: Any = bench.answer(Segment(mode="instance"), pyramid(640, 812), "sized", level=2)
    assert answer.result.labels.shape == (160, 203) and answer.picture.level is None
    same = bench.answer(Segment(mode="instance"), IMAGE, "sized")
    np.testing.assert_array_equal(answer.result.labels, same.result.labels)  # type: ignore[attr-defined]
