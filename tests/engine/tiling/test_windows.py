"""A classifier slid over a field, against one prediction per window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brightfield.explain.method import Step
from brightfield.tasks.classify import Classify, ClassMap

from ...toys.engines import Bench, noise, png

FIELD = noise(50, 70)
IDS = {name: index for index, name in enumerate("abcd")}


def starts(length: int, window: int, stride: int) -> list[int]:
    """0, s, 2s, ... and the last one moved back so that it is whole."""
    return [*range(0, length - window, stride), length - window]


def single(bench: Bench, y: int, x: int, height: int, width: int) -> list[float]:
    """Scores in the order of the classes, for a crop that is sent as an image of its own."""
    crop = png(FIELD[y : y + height, x : x + width])
    predictions: Any = bench.answer(Classify(top_k=4), crop, "single").result
    return [p.score for p in sorted(predictions.predictions, key=lambda p: p.class_id)]


def slid(bench: Bench, task: Classify, **more: Any) -> ClassMap:
    result = bench.answer(task, png(FIELD), "single", **more).result
    assert isinstance(result, ClassMap)
    return result


def test_it_is_a_loop_of_single_predictions(bench: Bench) -> None:
    found = slid(bench, Classify(window=(20, 24), stride=(17, 19), classes="b,d"))
    rows, cols = starts(50, 20, 17), starts(70, 24, 19)
    assert found.grid.rows == ((0, 20), (17, 37), (30, 50))
    assert found.grid.cols == ((0, 24), (19, 43), (38, 62), (46, 70))
    expected = np.array([[single(bench, y, x, 20, 24) for x in cols] for y in rows])
    assert found.labels == ("b", "d")
    np.testing.assert_array_equal(found.values, expected.transpose(2, 0, 1)[[1, 3]].astype("f4"))
    # The predictions are those of the whole image.
    whole: Any = bench.answer(Classify(), png(FIELD), "single").result
    assert found.predictions == whole.predictions


def test_left_out_the_stride_is_half_the_window_and_the_classes_the_best(bench: Bench) -> None:
    found = slid(bench, Classify(window=20, top_k=2))
    rows, cols = starts(50, 20, 10), starts(70, 20, 10)
    scores = np.array([[single(bench, y, x, 20, 20) for x in cols] for y in rows], "f4")
    assert found.values.shape == (2, len(rows), len(cols))
    best = np.argsort(-scores.max(axis=(0, 1)))[:2]
    assert [IDS[name] for name in found.labels] == best.tolist()
    np.testing.assert_array_equal(found.values, scores.transpose(2, 0, 1)[best])


def test_rasters_show_the_mean_of_the_windows_over_each_pixel(bench: Bench) -> None:
    found = slid(bench, Classify(window=20, stride=15, classes="c"))
    total, covered = np.zeros((50, 70)), np.zeros((50, 70))
    for y in starts(50, 20, 15):
        for x in starts(70, 20, 15):
            total[y : y + 20, x : x + 20] += single(bench, y, x, 20, 20)[2]
            covered[y : y + 20, x : x + 20] += 1
    raster = found.raster("image")
    assert raster.axes == "CYX"
    np.testing.assert_allclose(raster.array[0], total / covered, rtol=1e-6)


def test_within_a_region_places_are_those_of_the_whole_image(bench: Bench) -> None:
    found = slid(bench, Classify(window=12, stride=9, classes="a"), region=(30, 10, 33, 21))
    grid = found.payload("input")["map"]["grid"]
    assert grid["x"] == [[30, 42], [39, 51], [48, 60], [51, 63]]
    assert grid["y"] == [[10, 22], [19, 31]]
    expected = [[single(bench, y, x, 12, 12)[0] for x, _ in grid["x"]] for y, _ in grid["y"]]
    np.testing.assert_array_equal(found.values[0], np.array(expected, "f4"))
    values = found.raster("image").array[0]
    assert values.shape == (50, 70)
    assert values[10:31, 30:63].all()
    values[10:31, 30:63] = 0
    assert not values.any()


def test_windows_share_the_intensity_of_the_plane(bench: Bench) -> None:
    """A dark window stays dark, which it would not with limits of its own."""
    deep = np.zeros((24, 48), np.uint16)
    deep[:, 24:] = 4000
    deep[::2, :24] = 40
    field = png(deep)
    task = Classify(window=24, stride=24, classes="a")
    found: Any = bench.answer(task, field, "single", intensity="percentile:0,100").result
    fixed: Any = bench.answer(
        Classify(top_k=4), png(deep[:, :24]), "single", intensity="range:0,4000"
    ).result
    (expected,) = [p.score for p in fixed.predictions if p.label == "a"]
    assert found.values[0, 0, 0] == pytest.approx(expected, rel=1e-5)


def test_progress_counts_the_windows(bench: Bench) -> None:
    steps: list[Step] = []
    task = Classify(window=20, stride=15)
    answer = bench.answer(task, png(FIELD), "single", progress=steps.append)
    assert [step.done for step in steps] == list(range(1, 16))
    assert {step.total for step in steps} == {15}
    assert answer.tiles == 15
