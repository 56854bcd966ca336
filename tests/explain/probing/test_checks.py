from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata
from sklearn.metrics import auc
from torch import Tensor, nn

from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.guided_backprop import GuidedBackprop
from brightfield.explain.input_x_gradient import InputTimesGradient
from brightfield.explain.integrated_gradients import IntegratedGradients
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.rise import Rise
from brightfield.runtime.parameter_override import drawn

from ..conftest import ONE_SCORE, Bench, Case, case, image
from ..networks import Linear, small

SHAPE = (3, 16, 16)
WEIGHTS = image(4, *SHAPE, seed=1, dtype=torch.float64)[0]
IMAGES = image(*SHAPE, dtype=torch.float64)


@pytest.fixture
def subject() -> Case:
    return case(Linear(WEIGHTS, torch.arange(4, dtype=torch.float64)), IMAGES)


def curve(values: np.ndarray, start: Tensor, end: Tensor, target: int) -> list[float]:
    """The score of a linear model while pixels go from `start` to `end`, highest value first."""
    change = ((end - start)[0] * WEIGHTS[target]).sum(dim=0).numpy().ravel()
    order = np.argsort(-values.ravel(), kind="stable")
    first = float((start[0] * WEIGHTS[target]).sum()) + target
    sums = first + np.concatenate([[0], np.cumsum(change[order])])
    return [float(sums[round(step * 256 / 32)]) for step in range(33)]


@pytest.mark.parametrize("kind", [GradientSaliency, InputTimesGradient, Occlusion, Rise])
def test_deletion_and_insertion_are_the_arithmetic_of_the_pixels(
    bench: Bench, subject: Case, kind: Any
) -> None:
    short = {"masks": 10} if kind is Rise else {}
    result = bench.explain(kind(target="2", checks=True, **short), subject)
    checks = result.facts["checks"]
    blurred = torch.from_numpy(
        gaussian_filter(IMAGES.numpy(), (0, 0, 160 / 224, 160 / 224), mode="nearest")
    )
    for name, substrate, (start, end) in (
        ("deletion", "mean", (IMAGES, torch.zeros_like(IMAGES))),
        ("insertion", "blur", (blurred, IMAGES)),
    ):
        expected = curve(result.main, start, end, 2)
        assert checks[name]["substrate"] == substrate
        np.testing.assert_allclose(checks[name]["scores"], expected, atol=1e-9)
        area = auc(np.linspace(0, 1, 33), expected)
        assert checks[name]["area"] == pytest.approx(area)
    assert checks["steps"] == 32


def test_a_faithful_map_has_less_deletion_and_more_insertion(bench: Bench, subject: Case) -> None:
    """Of a linear model input times gradient is exact, and its reverse is the worst."""
    method = InputTimesGradient(target="2", checks=True)
    good = bench.explain(method, subject).facts["checks"]
    noise = curve(np.random.default_rng(0).random((16, 16)), IMAGES, torch.zeros_like(IMAGES), 2)
    assert good["deletion"]["area"] < auc(np.linspace(0, 1, 33), noise)


def test_the_sanity_check_is_the_rank_correlation_with_the_randomised_model(
    bench: Bench,
) -> None:
    module, images = small(), image(3, 16, 16, dtype=torch.float64)
    first = bench.explain(GradientSaliency(target="1", checks=True), case(module, images))
    changed = small()
    changed.load_state_dict({**module.state_dict(), **drawn(module, "9", 0)})
    second = bench.explain(GradientSaliency(target="1"), case(changed, images))
    ranks = [rankdata(values) for values in (first.values, second.values)]
    sanity = first.facts["checks"]["sanity"]
    assert (sanity["randomised"], sanity["seed"]) == ("9", 0)
    assert sanity["rank_correlation"] == pytest.approx(np.corrcoef(ranks)[0, 1])
    assert -1 < sanity["rank_correlation"] < 0.999


def test_of_a_neuron_the_layer_before_it_is_randomised(bench: Bench) -> None:
    method = GradientSaliency(layer="4", neuron="3,2,2", checks=True)
    result = bench.explain(method, case(small(), image(3, 16, 16)))
    checks = result.facts["checks"]
    assert checks["sanity"]["randomised"] == "4"
    assert checks["deletion"]["scores"][0] == pytest.approx(result.target.value)


def test_guided_backpropagation_fails_it_where_the_gradient_does_not(
    bench: Bench, shipped: Case
) -> None:
    """As Adebayo et al. found, on the shipped model and a photograph."""
    found = {}
    for kind in (GuidedBackprop, GradientSaliency):
        method = kind()
        probe = bench.probe(method, shipped)
        random = probe.randomised(shipped.images, 0)
        assert random is not None
        maps = [
            step.result.main.ravel()  # type: ignore[union-attr]
            for one in (probe, random[0])
            for step in method.explain(one, shipped.images)
        ]
        found[kind] = np.corrcoef([rankdata(values) for values in maps])[0, 1]
    assert found[GuidedBackprop] > found[GradientSaliency] + 0.1


def test_the_completeness_gap_is_told_where_there_is_one(bench: Bench, subject: Case) -> None:
    result = bench.explain(IntegratedGradients(steps=2, checks=True), subject)
    assert result.facts["checks"]["completeness_gap"] == result.facts["completeness_gap"] < 1e-9
    plain = bench.explain(GradientSaliency(checks=True), subject)
    assert "completeness_gap" not in plain.facts["checks"]


def test_forwards_and_time_are_those_of_the_checks(bench: Bench, subject: Case) -> None:
    once = bench.explain(GradientSaliency(checks=True), subject).facts["checks"]
    assert once["forwards"] == 2 * 33 + 1
    assert once["seconds"] > 0
    many = bench.explain(IntegratedGradients(steps=7, checks=True), subject).facts["checks"]
    assert many["forwards"] == 2 * 33 + 7 + 2


def test_it_goes_on_where_the_method_ended(bench: Bench, subject: Case) -> None:
    method = Occlusion(window=4, stride=4, checks=True)
    steps = list(method(bench.probe(method, subject.limited(4)), subject.images))
    assert {step.total for step in steps} == {2 * 16 + 2 * 33}
    assert all(a.done < b.done for a, b in itertools.pairwise(steps))
    assert [step.partial is not None for step in steps[:4]] == [True, True, True, False]


class Mean(nn.Module):
    """Without a weight there is nothing to randomise, and the gradient is one value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None]


def test_what_cannot_be_checked_is_null(bench: Bench) -> None:
    checks = bench.explain(
        GradientSaliency(checks=True), case(Mean(), IMAGES, output=ONE_SCORE)
    ).facts["checks"]
    assert checks["sanity"] is None
    constant = case(Linear(torch.ones(2, *SHAPE), torch.zeros(2)), IMAGES.float())
    sanity = bench.explain(GradientSaliency(checks=True), constant).facts["checks"]["sanity"]
    assert sanity["rank_correlation"] is None


def test_a_what_if_alone_has_no_map_to_check() -> None:
    with pytest.raises(ValidationError, match="give window, too"):
        Occlusion(hide="1,1,4,4", checks=True)
    assert Occlusion(hide="1,1,4,4", window=4, checks=True).checks
