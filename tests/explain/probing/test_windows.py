"""Both ways to the scores of hidden windows, and which one is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from brightfield.errors import Unexplainable
from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.probing import windows
from brightfield.models.incremental import Schedule, WindowChunk
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
    # One pass, and those that compare it with plain ones at the image at hand.
    assert found.facts["forwards"] < 10
    assert plain.facts["forwards"] == found.scores[0].size + 1  # type: ignore[index]


@pytest.mark.parametrize(
    "shape",
    [
        "20,30,21,17",
        pytest.param("10,10;60,14;33,70", marks=pytest.mark.slow),
        pytest.param("96,0,1,1", marks=pytest.mark.slow),
    ],
)
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
    subject = case(gate.eval().double(), image(3, 160, 160, dtype=torch.float64))
    resident, passes = bench.resident(subject), []
    for _ in range(2):
        before = gate.passes
        found = explained(bench, subject, resident, window=16, stride=16)
        passes.append(gate.passes - before)
        assert found.scores is not None
        assert "estimated at" in found.facts["engine_reason"]
    assert passes[1] < passes[0]
    assert passes[1] <= 3 + found.scores.size * (found.facts["engine"] == "plain")


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


def convolutions() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize("failing_from", [0, 2])
def test_auto_goes_back_to_plain_passes_where_a_chunk_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failing_from: int
) -> None:
    """At once, or in the middle of the map: every window has its score all the same."""
    subject = case(convolutions().double(), image(3, 48, 48, seed=2, dtype=torch.float64))
    resident = bench.resident(subject)
    parameters: dict[str, Any] = {"window": 8, "stride": 4, "target": "1"}
    plain = explained(bench, subject, resident, **parameters, engine="plain")
    monkeypatch.setattr(windows, "_pays", lambda found: (True, "told to"))
    right, ran = WindowChunk.run, 0

    def run(chunk: WindowChunk, *given: Any) -> Any:
        nonlocal ran
        ran += 1
        if ran > failing_from:
            raise RuntimeError("no such kernel")
        return right(chunk, *given)

    plans = explained(bench, subject, resident, **parameters)  # traced while nothing fails
    assert (plans.facts["engine"], plans.notes) == ("incremental", ())
    monkeypatch.setattr(WindowChunk, "run", run)
    found = explained(bench, subject, resident, **parameters)
    assert [note.code for note in found.notes] == ["engine_fell_back"]
    assert "RuntimeError" in found.notes[0].detail
    assert found.facts["engine"] == "plain"
    np.testing.assert_allclose(found.scores, plain.scores, atol=1e-6)
    with pytest.raises(Unexplainable, match="RuntimeError"):
        explained(bench, subject, resident, **parameters, engine="incremental")


def test_other_scores_than_the_model_s_are_noticed_for_the_image_at_hand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base of this image is wrong, as that of a model that looks at values."""
    subject = case(convolutions().double(), image(3, 48, 48, seed=2, dtype=torch.float64))
    resident = bench.resident(subject)
    parameters: dict[str, Any] = {"window": 8, "stride": 4, "target": "1"}
    plain = explained(bench, subject, resident, **parameters, engine="plain")
    monkeypatch.setattr(windows, "_pays", lambda found: (True, "told to"))
    right = Schedule.base

    def off(schedule: Schedule, given: Any) -> Any:
        base = right(schedule, given)
        return replace(base, output=base.output + 1e-3)

    monkeypatch.setattr(Schedule, "base", off)
    explained(bench, subject, resident, **parameters, engine="plain")
    found = explained(bench, subject, resident, **parameters)
    assert "other scores than the model" in found.notes[0].detail
    np.testing.assert_allclose(found.scores, plain.scores, atol=1e-6)
    with pytest.raises(Unexplainable, match="of a range of"):
        explained(bench, subject, resident, **parameters, engine="incremental")
