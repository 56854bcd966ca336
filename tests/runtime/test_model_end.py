"""A loaded model is normalised once, whatever its network and its card say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.cards import ModelCard
from brightfield.engine.scoring import scoring_pass
from brightfield.errors import InvalidCard
from brightfield.models.inspection.normalising import Undo, run
from brightfield.runtime.lane import Lane
from brightfield.runtime.model_end import find_end
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.tasks.targets.labels import class_scores

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


class Ends(nn.Module):
    def __init__(self, end: Callable[[Tensor], Tensor], maps: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Conv2d(3, 4, 1) if maps else nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.body(x))


def softmax(z: Tensor) -> Tensor:
    return z.softmax(1)


def hidden_softmax(z: Tensor) -> Tensor:
    return functional.softmin(-z, dim=1)


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    lane = Lane(torch.device("cpu"), Telemetry(), threads=1)
    yield lane
    lane.stop()


def ended(
    lane: Lane,
    module: nn.Module,
    activation: str,
    task: str = "classify",
    labels: Sequence[Any] = (),
    **output: Any,
) -> Resident:
    card = ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": task, "licence": "MIT",
            "architecture": {"name": "none"}, "input": {"channels": 3, "size": [8, 8]},
            "output": {"activation": activation, **output}, "labels": labels,
        }
    )  # fmt: skip
    resident = Resident(card, module.eval(), lane, 0)
    resident.run(lambda: find_end(resident))
    return resident


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize(
    "end", [softmax, torch.sigmoid, hidden_softmax, lambda z: z.softmax(1)[:, 1:]],
    ids=["softmax", "sigmoid", "hidden", "sliced"],
)  # fmt: skip
def test_probabilities_are_what_the_network_puts_out(
    lane: Lane, end: Callable[[Tensor], Tensor], activation: str
) -> None:
    resident = ended(lane, network := Ends(end), activation)
    output = scoring_pass(resident, "probability")(network, IMAGES, ())
    with torch.no_grad():
        expected = network(IMAGES)
    torch.testing.assert_close(torch.from_numpy(class_scores(output, resident.card)), expected)
    same = (end, activation) in ((softmax, "softmax"), (torch.sigmoid, "sigmoid"))
    assert bool(resident.notes) is not (same or activation == "none")


@pytest.mark.parametrize("end", [nn.LogSoftmax(dim=1), lambda z: hidden_softmax(z).log()])
def test_of_logarithms_the_softmax_makes_probabilities(
    lane: Lane, end: Callable[[Tensor], Tensor]
) -> None:
    resident = ended(lane, network := Ends(end), "softmax")
    with torch.no_grad():
        found = run(network, IMAGES, resident.cut).softmax(1)
        torch.testing.assert_close(found, network.body(IMAGES).softmax(1))
    assert not resident.notes


def test_logits_are_those_of_the_network_whatever_the_card_says(lane: Lane) -> None:
    for activation in ("softmax", "sigmoid", "none"):
        resident = ended(lane, network := Ends(torch.sigmoid), activation)
        with torch.no_grad():
            torch.testing.assert_close(run(network, IMAGES, resident.cut), network.body(IMAGES))
        assert not resident.normalised
    assert ended(lane, Ends(hidden_softmax), "softmax").normalised


def test_a_network_that_ends_in_scores_is_left_as_it_is(lane: Lane) -> None:
    resident = ended(lane, Ends(lambda z: z.sigmoid() * z), "softmax")
    assert (resident.cut, resident.scores, resident.notes, resident.normalised) == (
        None, None, (), False,
    )  # fmt: skip


def test_maps_beside_those_of_the_classes_are_left_alone(lane: Lane) -> None:
    """Of four maps one is the class's; what tells objects apart has been through a sigmoid, too."""
    network = Ends(torch.sigmoid, maps=True)
    resident = ended(lane, network, "sigmoid", "segment", labels=[{"name": "cell"}])
    assert resident.scores == Undo("sigmoid", 1)
    with torch.no_grad():
        found, expected = run(network, IMAGES, resident.scores), network(IMAGES)
    torch.testing.assert_close(found[:, :1].sigmoid(), expected[:, :1])
    assert torch.equal(found[:, 1:], expected[:, 1:])
    without_others = ended(lane, network, "sigmoid", "segment")
    assert without_others.scores == without_others.cut is not None


def test_a_segmenter_s_card_must_agree_with_its_network(lane: Lane) -> None:
    with pytest.raises(InvalidCard, match=r"ends in a sigmoid.*activation = \"softmax\""):
        ended(lane, Ends(torch.sigmoid, maps=True), "softmax", "segment")


def test_pixels_are_no_scores(lane: Lane) -> None:
    resident = ended(lane, Ends(torch.sigmoid, maps=True), "softmax", "superresolve", scale=2)
    assert (resident.cut, resident.scores) == (None, None)
