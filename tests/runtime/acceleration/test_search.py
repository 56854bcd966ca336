"""What runs a model is what is close to it and clearly faster, and else the model itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brightfield.errors import InvalidParameter
from brightfield.models.inspection.layers import Tap
from brightfield.runtime.acceleration import search
from brightfield.runtime.acceleration.accelerated import Accelerated, AcceleratedFeatures
from brightfield.runtime.acceleration.conversion import ConversionJob
from brightfield.runtime.acceleration.converting import NotConverted
from brightfield.runtime.acceleration.wanted import ANY, Wanted
from brightfield.runtime.backends import catalog
from brightfield.runtime.operations import Activations, Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket

from .conftest import Make, Net, Seek

FP32 = Wanted("auto", "fp32")


def answer(resident: Resident, rows: torch.Tensor, wanted: Wanted = ANY) -> torch.Tensor:
    found: torch.Tensor = resident.submit(resident.predicting(wanted), rows, Ticket()).result()
    return found


def test_a_faster_backend_is_used_and_says_so(learned: Make, seek: Seek) -> None:
    resident = seek(learned(), FP32)
    forward = resident.predicting()
    assert isinstance(forward, Accelerated)
    assert (forward.backend, forward.precision) == ("openvino", "fp32")
    assert (resident.verdict.backend, resident.verdict.precision) == ("openvino", "fp32")
    assert resident.verdict.chosen is not None and resident.verdict.chosen.faster == 2.0
    rows = torch.rand(3, 3, 16, 16)
    eager = answer(resident, rows, Wanted("eager"))
    assert torch.allclose(answer(resident, rows), eager, atol=1e-5)


def test_a_slower_one_is_not(learned: Make, seek: Seek) -> None:
    resident = seek(learned(), FP32, faster=1.05)
    assert resident.predicting() == Forward() and resident.verdict.backend == "eager"
    assert "clearly faster" in resident.verdict.reason


@pytest.mark.parametrize("crowded", [False, True])
def test_what_was_measured_on_a_crowded_machine_is_not_kept(
    learned: Make, seek: Seek, monkeypatch: pytest.MonkeyPatch, crowded: bool
) -> None:
    monkeypatch.setattr(search, "crowded", lambda: crowded)
    seek(learned(), FP32, faster=1.05)
    again = seek(learned(), FP32, faster=2.0)
    assert again.verdict.backend == ("openvino" if crowded else "eager")


def test_one_that_is_asked_for_is_used_though_it_is_slower(learned: Make, seek: Seek) -> None:
    resident = seek(learned(), Wanted("openvino", "fp32"), faster=0.5)
    assert resident.verdict.backend == "openvino"


def test_another_answer_is_not_taken(learned: Make, seek: Seek) -> None:
    def change(job: ConversionJob, module: Any) -> None:
        module.last.bias[2] += 0.5

    resident = seek(learned(), FP32, convert=change)
    assert resident.predicting() == Forward()
    (attempt, *_) = resident.verdict.attempts
    assert "differ too much" in (attempt.reason or "")
    assert any(not gap.holds and 0.01 < gap.value < 1 for gap in attempt.gaps)


def test_a_network_that_counts_its_rows_is_run_row_by_row(learned: Make, seek: Seek) -> None:
    resident = seek(learned(Net(baked=True)), FP32)
    assert resident.verdict.backend == "openvino" and resident.verdict.one_by_one
    rows = torch.rand(5, 3, 16, 16)
    eager = answer(resident, rows, Wanted("eager"))
    assert torch.allclose(answer(resident, rows), eager, atol=1e-5)


def test_what_cannot_be_converted_stays_as_it_is(learned: Make, seek: Seek) -> None:
    def refuse(job: ConversionJob, module: Any) -> None:
        raise NotConverted("no such operation", lasting=True)

    resident = seek(learned(), convert=refuse)
    assert resident.predicting() == Forward()
    assert "no such operation" in resident.verdict.reason


needs_bf16 = pytest.mark.skipif(
    "bf16" not in catalog()["openvino"].precisions(torch.device("cpu")),
    reason="this processor has no bf16",
)


@needs_bf16
@pytest.mark.parametrize(("bf16", "chosen"), [(5.0, "bf16"), (2.1, "fp32")])
def test_less_precision_must_be_clearly_faster_than_fp32(
    learned: Make, seek: Seek, bf16: float, chosen: str
) -> None:
    resident = seek(learned(), faster={"fp32": 2.0, "bf16": bf16})
    assert resident.verdict.precision == chosen
    assert {each.precision: each.reason is None for each in resident.verdict.attempts} == {
        "fp32": chosen == "fp32",
        "bf16": chosen == "bf16",
    }
    assert resident.predicting(FP32).precision == "fp32"


@needs_bf16
@pytest.mark.parametrize("wanted", [ANY, Wanted("auto", "bf16")])
def test_less_precision_must_keep_to_the_tolerance(
    learned: Make, seek: Seek, wanted: Wanted
) -> None:
    strict = learned(inference={"tolerance": 1e-5})
    resident = seek(strict, wanted, faster={"fp32": 2.0, "bf16": 5.0})
    assert (resident.verdict.backend, resident.verdict.precision) == ("openvino", "fp32")
    (attempt,) = (each for each in resident.verdict.attempts if each.precision == "bf16")
    assert not all(gap.holds for gap in attempt.gaps)


def test_without_room_in_memory_it_stays_as_it_is(learned: Make, seek: Seek) -> None:
    resident = seek(learned(), FP32, room=lambda resident, size: size < 1)
    assert resident.predicting() == Forward() and "memory" in resident.verdict.reason


def test_the_next_load_converts_nothing(learned: Make, seek: Seek) -> None:
    def refuse(job: ConversionJob, module: Any) -> None:
        raise AssertionError("converted again")

    first = seek(learned(), FP32)
    again = seek(learned(), FP32, convert=refuse)
    assert again.verdict == first.verdict and again.predicting() != first.predicting()
    rows = torch.rand(2, 3, 16, 16)
    assert torch.allclose(answer(again, rows), answer(first, rows), atol=1e-6)


def test_what_was_kept_is_found_again_if_it_no_longer_agrees(learned: Make, seek: Seek) -> None:
    converted: list[str] = []
    seek(learned(), FP32)
    other = learned()
    other.module.last.weight *= 2
    seek(other, FP32, convert=lambda job, module: converted.append(job.backend))
    assert converted == ["openvino"] and other.verdict.backend == "openvino"


FEATURES = Activations(Tap("last", "input"))


def features(resident: Resident, rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = resident.submit(resident.reading(FEATURES), rows, Ticket()).result()
    return found


@pytest.mark.parametrize("baked", [False, True])
def test_feature_vectors_come_from_it_too(learned: Make, seek: Seek, baked: bool) -> None:
    first = seek(learned(Net(baked)), FP32)
    again = seek(learned(Net(baked)), FP32)  # by what was kept
    rows = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        expected = first.module.conv(rows).relu().mean((2, 3))
    for resident in (first, again):
        assert isinstance(resident.reading(FEATURES), AcceleratedFeatures)
        assert torch.allclose(features(resident, rows), expected, atol=1e-5)
        assert resident.reading(Activations(Tap("conv"))) == Activations(Tap("conv"))


def test_other_feature_vectors_are_not_taken(learned: Make, seek: Seek) -> None:
    def change(job: ConversionJob, module: Any) -> None:  # the scores stay what they are
        module.conv.weight *= 2
        module.conv.bias *= 2
        module.last.weight /= 2

    resident = seek(learned(), FP32, convert=change)
    assert resident.predicting().backend == "openvino"
    assert resident.reading(FEATURES) == FEATURES


def test_a_place_with_maps_is_read_in_the_model(learned: Make, seek: Seek) -> None:
    resident = seek(learned(explain={"penultimate": "conv"}), FP32)
    assert resident.predicting().backend == "openvino" and not resident.verdict.features
    with pytest.raises(InvalidParameter, match="'conv' of the model m is read by eager"):
        resident.reading(Activations(Tap("conv")), Wanted("openvino"))


@needs_bf16
def test_feature_vectors_are_never_less_precise(learned: Make, seek: Seek) -> None:
    resident = seek(learned(), faster={"fp32": 2.0, "bf16": 5.0})
    assert resident.verdict.precision == "bf16" and resident.reading(FEATURES) == FEATURES


def test_a_backend_that_is_not_there_is_refused(learned: Make) -> None:
    with pytest.raises(InvalidParameter, match="eager \\(fp32\\), and not by openvino"):
        learned().predicting(Wanted("openvino"))
    assert learned().predicting(Wanted("eager", "fp32")) == Forward()
