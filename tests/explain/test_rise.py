from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from skimage.transform import resize

from brightfield.explain.maps.rise_map import RiseMap
from brightfield.explain.rise import Rise, random_masks

from .conftest import ONE_SCORE, Bench, Case, case, image
from .networks import Linear, small

SHAPE = (3, 11, 14)
WEIGHTS = image(4, *SHAPE, seed=1, dtype=torch.float64)[0]
BIAS = torch.arange(4, dtype=torch.float64)
IMAGES = image(*SHAPE, dtype=torch.float64)


def linear(**card: Any) -> Case:
    return case(Linear(WEIGHTS, BIAS), IMAGES, **card)


def masks_of(method: Rise) -> np.ndarray:
    made = random_masks(IMAGES, method.masks, method.cells, method.p, method.seed)
    return torch.stack(list(made)).numpy()


@pytest.mark.parametrize("baseline", ["mean", 0.5])
def test_it_is_the_weighted_mean_of_the_scores_under_the_masks(bench: Bench, baseline: Any) -> None:
    method = Rise(masks=60, cells=3, p=0.3, seed=5, baseline=baseline, target="2,0")
    result = bench.explain(method, linear())
    masks = masks_of(method)
    fill = 0.0 if baseline == "mean" else baseline
    shown = masks[:, None] * (IMAGES.numpy() - fill) + fill
    scores = np.einsum("kchw,nchw->kn", WEIGHTS[[2, 0]], shown) + BIAS[[2, 0], None].numpy()
    expected = np.einsum("kn,nhw->khw", scores, masks) / masks.sum(axis=0)
    np.testing.assert_allclose(result.values, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(result.mean, scores.mean(axis=1))
    assert result.facts["forwards"] == 61
    assert [target.class_id for target in result.targets] == [2, 0]
    # The picture is about the mean: what is above speaks for the target.
    np.testing.assert_allclose(
        result.heat().map, (expected - scores.mean(axis=1)[:, None, None])[0], atol=1e-5
    )


def test_masks_are_cells_enlarged_and_shifted() -> None:
    """scikit-image enlarges the same grid; corners of cells tell the shift."""
    (mask,) = random_masks(torch.zeros(1, 1, 30, 44, dtype=torch.float64), 1, 4, 0.5, 3)
    generator = torch.Generator().manual_seed(3)
    grid = (torch.rand(4, 4, generator=generator) < 0.5).double().numpy()
    y, x = (int(torch.randint(side, (), generator=generator)) for side in (8, 11))
    large = resize(grid, (40, 55), order=1, mode="edge", anti_aliasing=False)
    assert 0 < grid.mean() < 1
    np.testing.assert_allclose(mask, large[y : y + 30, x : x + 44], atol=1e-12)


def test_masks_show_what_they_shall_on_average_and_everywhere() -> None:
    masks = torch.stack(list(random_masks(torch.zeros(1, 1, 28, 28), 2000, 7, 0.3, 0)))
    assert masks.min() == 0
    assert masks.max() == 1
    np.testing.assert_allclose(masks.mean(dim=0), 0.3, atol=0.05)


def test_it_finds_the_pixels_that_count(bench: Bench) -> None:
    weights = torch.zeros(1, 1, 28, 28)
    weights[0, 0, 4:10, 16:22] = 1
    subject = case(Linear(weights, torch.zeros(1)), torch.ones(1, 1, 28, 28), output=ONE_SCORE)
    result = bench.explain(Rise(masks=800), subject)
    ys, xs = np.unravel_index(np.argsort(result.values[0].ravel())[-20:], (28, 28))
    assert ys.min() >= 4 and ys.max() < 10
    assert xs.min() >= 16 and xs.max() < 22


@pytest.mark.parametrize("chunk", [2, 7, 16])
def test_one_seed_gives_one_map_whatever_the_chunks(bench: Bench, chunk: int) -> None:
    subject = case(small(), image(3, 16, 16))
    one, many = (
        bench.explain(Rise(masks=50, target="0,1"), subject.limited(size)).values
        for size in (1, chunk)
    )
    np.testing.assert_allclose(many, one, rtol=0, atol=1e-5 * np.ptp(one))
    again = bench.explain(Rise(masks=50, target="0,1"), subject.limited(1)).values
    np.testing.assert_array_equal(again, one)
    other = bench.explain(Rise(masks=50, target="0,1", seed=1), subject).values
    assert np.abs(other - one).max() > 0.01 * np.ptp(one)


def test_partial_maps_come_some_times_and_end_at_the_whole(bench: Bench) -> None:
    method = Rise(masks=100)
    subject = linear(max_batch=2)
    *steps, last = method(bench.probe(method, subject), subject.images)
    partials = [step.partial for step in steps if step.partial is not None]
    assert len(partials) == 19
    nearly = partials[-1]
    assert nearly["masks"] == 95 or nearly["masks"] == 96
    values = np.frombuffer(base64.b64decode(nearly["map"]["data"]), "<f4").reshape(1, 11, 14)
    assert isinstance(last.result, RiseMap)
    whole = last.result.values
    assert np.corrcoef(values.ravel(), whole.ravel())[0, 1] > 0.9


def test_what_no_mask_has_shown_has_the_mean_score(bench: Bench) -> None:
    method = Rise(masks=1, cells=2, p=0.5, seed=2)
    result = bench.explain(method, linear())
    (mask,) = masks_of(method)
    assert (mask == 0).any() and (mask > 0).any()
    np.testing.assert_allclose(result.values[0], result.mean[0], rtol=1e-6)


def test_the_reply_says_how_it_was_made(bench: Bench) -> None:
    payload = bench.explain(Rise(masks=5, output="logit"), linear()).payload("input")
    stated = {"method": "rise", "masks": 5, "cells": 7, "p": 0.5, "seed": 0, "baseline": "mean"}
    assert stated.items() <= payload.items()
    assert payload["grid"] is payload["scores"] is None
    assert payload["map"]["shape"] == [1, 11, 14]
    assert payload["map"]["signed"] and payload["map"]["min"] < payload["map"]["max"]
    assert Rise().masks == 4000
    for wrong in ({"masks": 0}, {"p": 0}, {"p": 1}, {"cells": 0}, {"seed": -1}):
        with pytest.raises(ValidationError):
            Rise(**wrong)
