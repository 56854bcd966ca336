from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.engine.probe import LaneProbe
from brightfield.engine.scoring import ScoringPasses
from brightfield.errors import Cancelled, Unexplainable
from brightfield.geometry import Axis, Geometry
from brightfield.models.inspection.layers import Tap
from brightfield.runtime.lane import Lane
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.targets import Target

GEOMETRY = Geometry(Axis.of(2, 0, 2), Axis.of(2, 0, 2))
TARGETS = [Target(str(i), i, lambda output, i=i: output[:, i], 0.0) for i in (1, 0)]  # type: ignore[misc]


class Sums(nn.Module):
    """Scores sum(x) and sum(x^2), by way of a module with maps."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maps(x)
        return torch.stack([x.sum((1, 2, 3)), x.square().sum((1, 2, 3))], dim=1)


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


@pytest.fixture
def resident(lane: Lane) -> Resident:
    card = ModelCard.model_validate(
        {
            "id": "sums", "version": "1", "task": "classify", "licence": "MIT", "max_batch": 3,
            "architecture": {"name": "none"}, "input": {"channels": 1, "size": [2, 2]},
        }
    )  # fmt: skip
    return Resident(card, Sums(), lane, 0)


def images(*values: float) -> torch.Tensor:
    return (
        torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    )


def test_scores_come_per_chunk_in_the_order_of_the_targets(resident: Resident) -> None:
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket())
    first, second = probe.scores([images(1, 2), images(3)])
    assert first.tolist() == [[4, 4], [16, 8]]
    assert second.tolist() == [[36, 12]]


def test_gradients_are_of_the_first_target_row_by_row(resident: Resident) -> None:
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket())
    (by_input,) = probe.gradients([images(1, -3)])
    assert by_input.scores.tolist() == [4, 36]
    assert torch.equal(by_input.gradients, images(2, -6))
    (by_layer,) = probe.gradients([images(1, -3)], Tap("maps"))
    assert torch.equal(by_layer.gradients, images(2, -6))
    assert torch.equal(by_layer.activations, images(1, -3))


def test_a_relu_rule_is_the_operations(resident: Resident) -> None:
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket())
    with pytest.raises(Unexplainable, match="no ReLU"):
        list(probe.gradients([images(1)], relu_rule="guided"))


def test_at_a_neuron_scores_and_gradients_are_its_own(resident: Resident) -> None:
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket())
    there = probe.at_neuron(images(5), "maps", (0, 1, 0))
    (target,) = there.targets
    assert (target.label, target.class_id, target.value) == ("maps[0,1,0]", None, 5)
    assert there.passes == 0
    (scores,) = there.scores([images(1, 2)])
    assert scores.tolist() == [[1], [2]]
    (gradient,) = there.gradients([images(3)])
    assert gradient.scores.tolist() == [3]
    assert gradient.gradients.flatten().tolist() == [0, 0, 1, 0]
    assert probe.targets is TARGETS


def test_at_the_output_a_neuron_is_a_score(resident: Resident) -> None:
    there = LaneProbe(resident, TARGETS, GEOMETRY, Ticket()).at_neuron(images(5), "logits", (1,))
    (scores,) = there.scores([images(3)])
    assert scores.tolist() == [[36]]
    (gradient,) = there.gradients([images(3)], Tap("maps"))
    assert torch.equal(gradient.gradients, images(6))


def test_randomised_it_is_another_model_for_this_probe_alone(lane: Lane) -> None:
    card = ModelCard.model_validate(
        {
            "id": "linear", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "input": {"channels": 1, "size": [2, 2]},
        }
    )  # fmt: skip
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 2))
    probe = LaneProbe(Resident(card, module, lane, 0), TARGETS, GEOMETRY, Ticket())
    (before,) = probe.scores([images(1, 2)])
    found = probe.randomised(images(1), 0)
    assert found is not None
    random, layer = found
    assert layer == "2"
    (other,) = random.scores([images(1, 2)])
    assert not torch.allclose(other, before)
    (after,) = probe.scores([images(1, 2)])
    assert torch.equal(after, before)
    assert (probe.passes, random.passes) == (4, 2)


def test_a_model_without_weights_has_nothing_to_randomise(resident: Resident) -> None:
    assert LaneProbe(resident, TARGETS, GEOMETRY, Ticket()).randomised(images(1), 0) is None


def test_the_picture_is_made_when_it_is_asked_for(resident: Resident) -> None:
    shown = np.zeros((2, 2, 3), np.uint8)
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket(), picture=lambda: shown)
    assert probe.picture() is shown


def test_chunks_are_no_larger_than_the_card_allows(resident: Resident) -> None:
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket())
    assert probe.chunk() == 3
    assert probe.chunk(gradients=True) == 3


def test_few_chunks_are_on_their_way_at_once(resident: Resident) -> None:
    made: list[int] = []

    def source() -> Iterator[torch.Tensor]:
        for value in range(20):
            made.append(value)
            yield images(value)

    scores = LaneProbe(resident, TARGETS, GEOMETRY, Ticket()).scores(source())
    next(scores)
    assert len(made) <= 3
    assert len(list(scores)) == 19


def test_a_withdrawn_ticket_ends_it_between_two_chunks(resident: Resident) -> None:
    ticket = Ticket()
    scores = LaneProbe(resident, TARGETS, GEOMETRY, ticket).scores(images(i) for i in range(9))
    next(scores)
    ticket.cancel()
    with pytest.raises(Cancelled):
        list(scores)
    assert resident.call(lambda: "free").result(5) == "free"


class Quick:
    """Another backend's pass: the module's own scores, and an error."""

    backend, precision, usable = "other", "fp32", True

    def __init__(self, error: float) -> None:
        self.error, self.rows = error, 0

    def __call__(self, module: nn.Module, rows: torch.Tensor, spans: object) -> torch.Tensor:
        self.rows += len(rows)
        scores: torch.Tensor = module(rows)
        return scores + self.error


@pytest.mark.parametrize(("error", "rows"), [(1e-4, 4 + 4 + 2), (1.0, 4)])
def test_another_backend_scores_what_it_agrees_about(
    resident: Resident, error: float, rows: int
) -> None:
    quick = Quick(error)
    passes = ScoringPasses(Forward(), quick)  # type: ignore[arg-type]
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket(), passes)
    (base,) = probe.scores([images(1)])
    assert (base.tolist(), quick.rows) == ([[4, 4]], 0)
    first, last = probe.scores([images(1, 2, 3, 4), images(5, 6)])
    assert torch.allclose(first[:, 1], images(4, 8, 12, 16)[:, 0, 0, 0], atol=1e-3)
    assert last[:, 1].tolist() == pytest.approx([20, 24], abs=1e-3)
    assert quick.rows == rows
    assert (probe.ran is quick) == (rows > 4)


def test_looking_inside_and_other_weights_are_the_models_own(resident: Resident) -> None:
    quick = Quick(0.0)
    passes = ScoringPasses(Forward(), quick)  # type: ignore[arg-type]
    probe = LaneProbe(resident, TARGETS, GEOMETRY, Ticket(), passes)
    there = probe.at_neuron(images(5), "maps", (0, 1, 0))
    list(there.scores([images(1, 2, 3, 4)]))
    assert quick.rows == 0
