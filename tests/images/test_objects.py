"""Measurements against skimage.measure.regionprops."""

from __future__ import annotations

import json

import numpy as np
import pytest
from skimage.measure import regionprops

from brightfield.images.objects import measure
from brightfield.images.rle import encode_labels

RNG = np.random.default_rng(0)
LABELS = RNG.choice(np.array([0, 3, 4, 70_000], np.int32), (23, 31))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 5])
def test_measures_are_those_of_regionprops(dtype: type, channels: int) -> None:
    pixels = (RNG.random((23, 31, channels)) * 200).astype(dtype)
    measured = measure(LABELS, pixels, pixel_size=0.5)
    regions = regionprops(LABELS, intensity_image=pixels)
    assert measured.labels.tolist() == [region.label for region in regions]
    for index, region in enumerate(regions):
        measures, box = measured.measures(index), measured.box(index)
        top, left, bottom, right = region.bbox
        assert (box.xmin, box.ymin, box.xmax, box.ymax) == (left, top, right, bottom)
        assert measures.area_px == region.area
        assert measures.area_um2 == pytest.approx(region.area / 4)
        # There the origin is the centre of the first pixel.
        row, column = region.centroid
        assert measures.centroid == pytest.approx((column + 0.5, row + 0.5))
        assert measures.mean_intensity == pytest.approx(np.atleast_1d(region.intensity_mean))


def test_pixels_that_are_not_finite_are_left_out() -> None:
    pixels = np.array([[[1.0], [np.nan], [5.0], [np.inf], [np.nan]]], np.float32)
    measured = measure(np.array([[1, 1, 1, 2, 2]], np.int32), pixels)
    assert measured.measures(0).mean_intensity == (3.0,)
    assert measured.measures(1).mean_intensity == (None,)
    assert measured.measures(1).area_px == 2
    assert measured.measures(1).area_um2 is None


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (4, 5)])
def test_no_objects(shape: tuple[int, int]) -> None:
    measured = measure(np.zeros(shape, np.int32), np.zeros((*shape, 3), np.uint8), 0.5)
    assert len(measured) == 0
    assert measured.mean_intensity.shape == (0, 3)
    assert measured.objects(["cell"], []) == ()


def test_objects_carry_class_score_and_mask_into_json() -> None:
    labels = np.array([[1, 1, 0], [0, 0, 2]], np.int32)
    measured = measure(labels, np.full((2, 3, 1), 9, np.uint8), pixel_size=2.0)
    rles = encode_labels(labels)
    first, second = measured.objects(["a", "b"], [1, 0], np.array([0.5, 0.25]), rles)
    assert json.loads(json.dumps(first.json())) == {
        "id": 1,
        "label": "b",
        "class_id": 1,
        "score": 0.5,
        "box": {"xmin": 0.0, "ymin": 0.0, "xmax": 2.0, "ymax": 1.0},
        "area_px": 2,
        "area_um2": 8.0,
        "centroid": {"x": 1.0, "y": 0.5},
        "mean_intensity": [9.0],
        "rle": rles[1].json(),
    }
    assert (second.id, second.label, second.score) == (2, "a", 0.25)
    (plain, _) = measured.objects(["a", "b"], [1, 0])
    assert "rle" not in plain.json()
    assert plain.json()["score"] is None


def test_classes_must_be_as_many_as_objects() -> None:
    measured = measure(LABELS, np.zeros((23, 31, 1), np.uint8))
    with pytest.raises(ValueError, match="zip"):
        measured.objects(["cell"], [0])
