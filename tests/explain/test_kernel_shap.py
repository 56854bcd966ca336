from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from pydantic import ValidationError
from torch import Tensor, nn

from brightfield.errors import InvalidParameter, InvalidRegion, UnknownTarget
from brightfield.explain.kernel_shap import KernelShap
from brightfield.explain.maps.region_values import RegionValues
from brightfield.explain.probing.baselines import baseline_images

from .conftest import ONE_SCORE, Bench, Case, case, image
from .networks import Linear, small

SHAPE = (3, 12, 15)
WEIGHTS = image(4, *SHAPE, seed=1, dtype=torch.float64)[0]
IMAGES = image(*SHAPE, dtype=torch.float64)
SUBJECT = case(Linear(WEIGHTS, torch.arange(4, dtype=torch.float64)), IMAGES)


class Cube(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x**3


def captums(module: nn.Module, images: Tensor, fill: Tensor, labels: Any, target: int) -> Any:
    """(regions,): the values by all orders of the regions, one pass for each step of each."""
    mask = torch.from_numpy(labels.astype(np.int64) - labels.min())
    found = ShapleyValues(module).attribute(
        images,
        baselines=fill,
        target=target,
        feature_mask=mask.expand_as(images).contiguous(),
        perturbations_per_eval=60,
    )
    return np.array([float(found[0, 0][mask == k][0]) for k in range(int(mask.max()) + 1)])


@pytest.mark.parametrize("baseline", ["mean", "blur", 0.3])
def test_all_sets_give_captums_values(bench: Bench, baseline: Any) -> None:
    subject = case(small(), image(3, 16, 16))
    method = KernelShap(rows=2, columns=2, baseline=baseline, target="1,3")
    result = bench.explain(method, subject)
    assert result.facts["exact"] and result.facts["forwards"] == 16
    fill = baseline_images(baseline, subject.images, subject.card.input)
    for index, target in enumerate((1, 3)):
        expected = captums(subject.module, subject.images, fill, result.regions.labels, target)
        np.testing.assert_allclose(result.shapley.values[index], expected, atol=1e-6)
    assert result.shapley.errors is None and result.notes == ()


@pytest.mark.parametrize("samples", [70, 200])
def test_a_linear_model_gives_each_region_its_own_sum(bench: Bench, samples: int) -> None:
    """Whatever is drawn: nothing interacts."""
    method = KernelShap(rows=3, columns=5, samples=samples, target="2,0")
    result = bench.explain(method, SUBJECT)
    assert not result.facts["exact"]
    shares = (WEIGHTS[[2, 0]] * IMAGES).sum(dim=1).numpy()
    expected = [shares[:, result.regions.labels == number].sum(axis=1) for number in range(1, 16)]
    np.testing.assert_allclose(result.shapley.values, np.transpose(expected), atol=1e-10)
    np.testing.assert_allclose(result.base - result.empty, shares.sum(axis=(1, 2)))
    assert max(result.gaps) < 1e-10
    np.testing.assert_allclose(
        result.raster("input").array[1], result.regions.painted(np.array(expected)[:, 1])
    )


def test_too_few_samples_are_refused_or_warned_of(bench: Bench) -> None:
    subject = case(small(), image(3, 16, 16))
    with pytest.raises(InvalidParameter, match=r"10 samples are too few .* samples=66"):
        bench.explain(KernelShap(samples=10), subject)
    entangled = case(nn.Sequential(Linear(WEIGHTS, torch.zeros(4)), Cube()), IMAGES)
    rough = bench.explain(KernelShap(samples=66), entangled)
    assert [note.code for note in rough.notes] == ["uncertain_values"]
    exact = bench.explain(KernelShap(samples=2**16, rows=3, columns=3), subject)
    fine = bench.explain(KernelShap(samples=500, rows=3, columns=3), subject)
    errors = fine.shapley.errors
    assert errors is not None and errors.max() < 0.1 * abs(fine.shapley.values).max()
    assert abs(fine.shapley.values - exact.shapley.values).max() < 4 * errors.max()


@pytest.mark.parametrize("chunk", [3, 16])
def test_a_seed_gives_its_values_whatever_the_chunks(bench: Bench, chunk: int) -> None:
    subject = case(small(), image(3, 16, 16))
    method = KernelShap(samples=100, seed=2)
    one, many = (bench.explain(method, subject.limited(size)).shapley.values for size in (1, chunk))
    np.testing.assert_allclose(many, one, rtol=0, atol=1e-5 * np.ptp(one))
    other = bench.explain(method.model_copy(update={"seed": 3}), subject).shapley.values
    assert abs(other - one).max() > 1e-3 * np.ptp(one)


def test_values_on_the_way_come_near_the_last_ones(bench: Bench) -> None:
    subject = SUBJECT.limited(4)
    method = KernelShap(rows=2, columns=4)
    *steps, last = method(bench.probe(method, subject), subject.images)
    partials = [step.partial for step in steps if step.partial is not None]
    assert 15 <= len(partials) <= 20
    assert steps[0].total == last.total == last.done == 256
    assert isinstance(last.result, RegionValues)
    np.testing.assert_allclose(partials[-1]["values"], last.result.shapley.values, atol=1e-9)


def test_shapes_are_regions_and_the_rest_stays_or_is_one(bench: Bench) -> None:
    shapes = "0,0,6,4|5,0,4,4|10,6;15,6;15,12;10,12|200,0,5,5"
    kept = bench.explain(KernelShap(regions="shapes", shapes=shapes, target=0), SUBJECT)
    shares = (WEIGHTS[0] * IMAGES[0]).sum(dim=0).numpy()
    expected = [shares[:4, :6].sum(), shares[:4, 6:9].sum(), shares[6:, 10:].sum()]
    np.testing.assert_allclose(kept.shapley.values[0], expected)  # the first shape counts
    assert [note.code for note in kept.notes] == ["regions_unseen"]
    weights = kept.payload("input")["weights"]
    assert [weight["region"] for weight in weights] == [1, 2, 3]
    assert weights[2]["box"] == {"xmin": 10, "ymin": 6, "xmax": 15, "ymax": 12}
    assert weights[1]["pixels"] == 12
    method = KernelShap(regions="shapes", shapes=shapes, target=0, rest="region")
    whole = bench.explain(method, SUBJECT)
    assert whole.regions.numbers == (0, 1, 2, 3)
    np.testing.assert_allclose(
        whole.shapley.values[0], [shares.sum() - sum(expected), *expected], atol=1e-12
    )
    with pytest.raises(InvalidRegion, match="nothing to weigh"):
        bench.explain(KernelShap(regions="shapes", shapes="50,50,4,4"), SUBJECT)


class WithObjects(Bench):
    """The bench whose probes know objects."""

    def __init__(self, bench: Bench, labels: Any) -> None:
        super().__init__(bench.lane)
        self._labels = labels

    def probe(self, *args: Any, **kwargs: Any) -> Any:
        probe = super().probe(*args, **kwargs)
        probe._objects = self._labels
        return probe


def test_objects_are_regions_by_their_ids(bench: Bench) -> None:
    labels = np.zeros((12, 15), np.int32)
    labels[1:4, 2:6], labels[6:9, 8:14], labels[10, 0] = 3, 7, 9
    known = WithObjects(bench, labels)
    result = known.explain(KernelShap(regions="objects", target=1), SUBJECT)
    shares = (WEIGHTS[1] * IMAGES[0]).sum(dim=0).numpy()
    assert result.regions.numbers == (3, 7, 9)
    np.testing.assert_allclose(
        result.shapley.values[0], [shares[labels == number].sum() for number in (3, 7, 9)]
    )
    one = known.explain(KernelShap(regions="objects", only="7", target=1), SUBJECT)
    assert one.regions.numbers == (7,) and one.facts["only"] == (7,)
    with pytest.raises(UnknownTarget, match="no object 4 "):
        known.explain(KernelShap(regions="objects", only="4,7"), SUBJECT)
    with pytest.raises(InvalidParameter, match="There are 180 regions, and at most 64"):
        many = WithObjects(bench, np.arange(1, 181, dtype=np.int32).reshape(12, 15))
        many.explain(KernelShap(regions="objects"), SUBJECT)


def test_superpixels_are_weighed(bench: Bench) -> None:
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, :, :, 16:] = 1.0
    subject = case(Linear(torch.ones(1, 3, 32, 32), torch.zeros(1)), picture, output=ONE_SCORE)
    result: RegionValues = bench.explain(KernelShap(regions="slic", segments=4), subject)
    assert result.facts["segments"] == 4 and 2 <= len(result.regions) <= 64
    # Dark regions have no share, and the others add up to all.
    assert result.shapley.values.sum() == pytest.approx(3 * 16 * 32)
    dark = result.regions.painted(result.shapley.values[0])[:, :14]
    np.testing.assert_allclose(dark, 0, atol=1e-3)


def test_the_reply_says_how_it_was_made(bench: Bench) -> None:
    payload = bench.explain(KernelShap(rows=1, columns=2, output="logit"), SUBJECT).payload("input")
    stated = {
        "method": "kernel_shap", "regions": "grid", "rows": 1, "columns": 2, "grid": None,
        "samples": 1024, "seed": 0,
        "rest": "visible", "baseline": "mean", "exact": True, "scores": None,
    }  # fmt: skip
    assert stated.items() <= payload.items()
    assert payload["labels"]["shape"] == [12, 15]
    assert payload["additivity_gap"] == pytest.approx([0], abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 9, "columns": 8},
        {"segments": 5},
        {"regions": "shapes"},
        {"regions": "shapes", "shapes": "1,2,3"},
        {"regions": "grid", "only": "1"},
        {"regions": "objects", "only": "1,1"},
        {"regions": "slic", "segments": 65},
        {"samples": 1},
    ],
)
def test_parameters_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, InvalidParameter)):
        KernelShap(**wrong)


def test_nothing_that_the_model_sees_of_padding_is_an_object(bench: Bench) -> None:
    """Objects lie in the image, the model's input beyond it."""
    geometry = SUBJECT.geometry
    shifted = replace(geometry, y=geometry.y.windowed(-4, 12), x=geometry.x.windowed(3, 15))
    labels = np.ones((12, 15), np.int32)
    known = WithObjects(bench, labels)
    result = known.explain(
        KernelShap(regions="objects"), Case(SUBJECT.module, IMAGES, shifted, SUBJECT.card)
    )
    seen = result.regions.labels == 1
    assert seen[4:, :12].all() and seen.sum() == 8 * 12
