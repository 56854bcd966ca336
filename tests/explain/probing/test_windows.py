"""Both ways to the scores of hidden windows, and which one is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from brightfield.errors import Unexplainable
from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.occlusion import Occlusion
from brightfield.runtime.resident import Resident

from ..conftest import Bench, Case, case, image
from ..networks import Linear, Tapped, architecture


@pytest.fixture(scope="module")
def residual() -> Case:
    return case(architecture("resnet18").double(), image(3, 75, 97, dtype=torch.float64))


def explained(bench: Bench, subject: Case, resident: Resident, **more: Any) -> OcclusionMap:
    method = Occlusion(**more)
    *_, last = method(bench.probe(method, subject, resident), subject.images)
    assert isinstance(last.result, OcclusionMap)
    return last.result


@pytest.mark.slow
@pytest.mark.parametrize("border", ["shift", "cut", "drop"])
def test_incrementally_the_scores_are_those_of_the_plain_way(
    bench: Bench, residual: Case, border: Any
) -> None:
    resident = bench.resident(residual)
    same = {"window": (13, 17), "stride": (11, 9), "border": border, "target": "3,1,7"}
    plain = explained(bench, residual, resident, **same, engine="plain")
    found = explained(bench, residual, resident, **same, engine="incremental")
    largest = np.abs(plain.scores).max()  # type: ignore[arg-type]
    np.testing.assert_allclose(found.scores, plain.scores, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(found.base, plain.base, rtol=0, atol=1e-10 * largest)
    assert found.facts["engine"] == "incremental"
    assert plain.facts["engine"] == "plain"
    assert found.facts["multiply_adds"] < found.facts["plain_multiply_adds"]
    assert (found.facts["forwards"], plain.facts["forwards"]) == (1, found.scores[0].size + 1)  # type: ignore[index]


@pytest.mark.parametrize("shape", ["20,30,21,17", "10,10;60,14;33,70", "96,0,1,1"])
def test_a_what_if_is_one_window_around_its_shape(bench: Bench, residual: Case, shape: str) -> None:
    resident = bench.resident(residual)
    plain = explained(bench, residual, resident, hide=shape, engine="plain").what_if
    found = explained(bench, residual, resident, hide=shape, engine="incremental")
    assert found.what_if is not None
    assert plain is not None
    np.testing.assert_allclose(found.what_if.before, plain.before, atol=1e-10)
    np.testing.assert_allclose(found.what_if.after, plain.after, atol=1e-10)
    assert found.facts["engine"] == "incremental"


def test_what_was_traced_and_measured_is_remembered(bench: Bench) -> None:
    gate = Tapped(architecture("vgg_like"))
    subject = case(gate.eval(), image(3, 160, 160))
    resident, passes = bench.resident(subject), []
    for _ in range(2):
        before = gate.passes
        found = explained(bench, subject, resident, window=16, stride=16)
        passes.append(gate.passes - before)
        assert found.scores is not None
        assert "estimated at" in found.facts["engine_reason"]
    assert passes[1] < passes[0]
    assert passes[1] <= 2 + found.scores.size * (found.facts["engine"] == "plain")


@pytest.mark.slow
def test_the_plan_is_of_the_randomised_model_where_the_check_asks(
    bench: Bench, residual: Case
) -> None:
    resident = bench.resident(residual)
    parameters: dict[str, Any] = {"window": 32, "stride": 32, "checks": True}
    checks = [
        explained(bench, residual, resident, **parameters, engine=engine).facts["checks"]
        for engine in ("plain", "incremental")
    ]
    correlations = [check["sanity"]["rank_correlation"] for check in checks]
    assert correlations[0] == pytest.approx(correlations[1], abs=1e-9)
    assert correlations[0] < 0.999


def test_what_cannot_be_traced_is_computed_plainly_or_refused(bench: Bench) -> None:
    weights = image(4, 3, 40, 40, seed=1)[0]
    subject = case(Linear(weights, torch.zeros(4)), image(3, 40, 40))
    resident = bench.resident(subject)
    found = explained(bench, subject, resident, window=4, stride=4)
    assert found.facts["engine"] == "plain"
    assert "multiply-adds" in found.facts["engine_reason"]
    with pytest.raises(Unexplainable, match="engine=auto"):
        explained(bench, subject, resident, window=4, stride=4, engine="incremental")


def test_few_windows_are_not_worth_tracing(bench: Bench, residual: Case) -> None:
    resident = bench.resident(residual)
    assert "too few" in explained(bench, residual, resident, window=48).facts["engine_reason"]
