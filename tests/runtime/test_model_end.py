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


PROBABILITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "clamped": lambda z: z.sigmoid().clamp(1e-6, 1 - 1e-6),
    "clamped to a range": lambda z: z.clamp(0, 1),
    "by hand": lambda z: 1 / (1 + torch.exp(-z)),
    "a softmax by hand": lambda z: z.exp() / z.exp().sum(1, keepdim=True),
    "of tanh": lambda z: (torch.tanh(z) + 1) / 2,
    "hard": functional.hardsigmoid,
    "an error function": lambda z: (1 + torch.erf(z)) / 2,
    "the other way": lambda z: 1 - z.sigmoid(),
    "of two sides": lambda z: torch.where(z > 0, 1 / (1 + (-z).exp()), z.exp() / (1 + z.exp())),
    "smoothed": lambda z: 0.9 * z.softmax(1) + 0.025,
    "times one": lambda z: z.softmax(1) * 1.0,
    "sigmoids that sum to one": lambda z: z.sigmoid() / z.sigmoid().sum(1, keepdim=True),
    "two heads": lambda z: torch.cat([z[:, :2].softmax(1), z[:, 2:].sigmoid()], 1),
}


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize("end", PROBABILITIES.values(), ids=PROBABILITIES)
def test_probabilities_without_a_name_are_known(
    lane: Lane, end: Callable[[Tensor], Tensor], activation: str
) -> None:
    resident = ended(lane, network := Ends(end), activation)
    output = scoring_pass(resident, "probability")(network, IMAGES, ())
    with torch.no_grad():
        expected = network(IMAGES)
    found = torch.from_numpy(class_scores(output, resident.card))
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-4)
    assert resident.normalised and resident.cut is None
    expected_codes = [] if activation == "none" else ["normalised_by_model"]
    assert [note.code for note in resident.notes] == expected_codes


SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "rectified": torch.relu,
    "a gate": lambda z: z * z.sigmoid(),
    "capped softly": lambda z: 30 * torch.tanh(z / 30),
    "normalised to a variance": lambda z: functional.layer_norm(z, (4,)),
    "of a constant size": lambda z: functional.normalize(z) * 10,
    "alike and large": lambda z: z * 1e-3 + 120,
    "squared": torch.square,
    "exponentials": torch.exp,
    "gated features": lambda z: z.detach().relu() * 0.1 + z,
}


@pytest.mark.parametrize("end", SCORES.values(), ids=SCORES)
def test_scores_are_not_taken_for_probabilities(
    lane: Lane, end: Callable[[Tensor], Tensor]
) -> None:
    for activation in ("softmax", "sigmoid", "none"):
        resident = ended(lane, Ends(end), activation)
        assert (resident.scores, resident.normalised, resident.notes) == (None, False, ())


def test_a_gate_at_the_end_is_no_saturating_head(lane: Lane) -> None:
    class Gated(Ends):
        def forward(self, x: Tensor) -> Tensor:
            features = x[:, 0, 0, :4].sigmoid() * torch.tensor([0.3, 0.9, 0.6, 0.4])
            return features * self.body(x).sigmoid()

    resident = ended(lane, Gated(lambda z: z), "softmax")
    assert (resident.scores, resident.normalised, resident.notes) == (None, False, ())


@pytest.mark.parametrize("end", [lambda z: 100 * z.softmax(1), lambda z: 100 * z.sigmoid()])
def test_percentages(lane: Lane, end: Callable[[Tensor], Tensor]) -> None:
    for activation in ("softmax", "sigmoid"):
        with pytest.raises(InvalidCard, match="puts out percentages"):
            ended(lane, Ends(end), activation)
    assert ended(lane, Ends(end), "none").normalised


@pytest.mark.parametrize("end", [torch.tanh, functional.relu6, functional.softsign])
def test_other_bounds_are_told(lane: Lane, end: Callable[[Tensor], Tensor]) -> None:
    resident = ended(lane, Ends(end), "softmax")
    (note,) = resident.notes
    assert note.code == "bounded_output" and "scores between" in note.detail
    assert resident.normalised and not ended(lane, Ends(end), "none").notes


@pytest.mark.parametrize("end", [lambda z: z.softmax(1).log(), lambda z: z - z.logsumexp(1, True)])
def test_logarithms_of_probabilities_without_a_name(
    lane: Lane, end: Callable[[Tensor], Tensor]
) -> None:
    for activation in ("softmax", "sigmoid"):
        resident = ended(lane, network := Ends(end), activation)
        output = scoring_pass(resident, "probability")(network, IMAGES, ())
        found = torch.from_numpy(class_scores(output, resident.card))
        with torch.no_grad():
            torch.testing.assert_close(found, network.body(IMAGES).softmax(1))


SINGLE: dict[str, Callable[[Tensor], Tensor]] = {
    "a logit": lambda z: z[:, :1],
    "a sigmoid": lambda z: z[:, :1].sigmoid(),
    "a hidden sigmoid": lambda z: 1 / (1 + torch.exp(-z[:, :1])),
}


@pytest.mark.parametrize("end", SINGLE.values(), ids=SINGLE)
def test_one_output_for_two_labels(lane: Lane, end: Callable[[Tensor], Tensor]) -> None:
    """The probability of the second is the network's, and the first has the rest."""
    labels = ["healthy", "ill"]
    resident = ended(lane, network := Ends(end), "sigmoid", labels=labels)
    output = scoring_pass(resident, "probability")(network, IMAGES, ())
    with torch.no_grad():
        ill = network.body(IMAGES)[:, 0].sigmoid()
    found = torch.from_numpy(class_scores(output, resident.card))
    torch.testing.assert_close(found, torch.stack([1 - ill, ill], 1))
    if not resident.normalised:
        logits = scoring_pass(resident, "logit")(network, IMAGES, ())
        torch.testing.assert_close(logits, torch.stack([-ill.logit(), ill.logit()], 1))


def test_one_output_and_no_activation(lane: Lane) -> None:
    labels = ["healthy", "ill"]
    for end, expected in ((SINGLE["a logit"], None), (SINGLE["a sigmoid"], "sigmoid")):
        resident = ended(lane, network := Ends(end), "none", labels=labels)
        scores = scoring_pass(resident, "probability")(network, IMAGES, ())
        with torch.no_grad():
            z = network.body(IMAGES)[:, :1]
        pair = torch.cat([-z, z], 1)
        found = torch.from_numpy(class_scores(scores, resident.card))
        torch.testing.assert_close(found, pair.sigmoid() if expected else pair)


@pytest.mark.parametrize("labels", [[], ["ill"], ["healthy", "ill"]])
def test_one_output_and_a_softmax_are_refused(lane: Lane, labels: Sequence[str]) -> None:
    for end in (SINGLE["a logit"], lambda z: z[:, :1].softmax(1)):
        with pytest.raises(InvalidCard, match=r'set output\.activation = "sigmoid"'):
            ended(lane, Ends(end), "softmax", labels=labels)


def test_interpolated_probabilities_of_a_segmenter(lane: Lane) -> None:
    def enlarged(z: Tensor) -> Tensor:
        return functional.interpolate(z.sigmoid(), scale_factor=2, mode="bilinear")

    network = Ends(enlarged, maps=True)
    resident = ended(lane, network, "sigmoid", "segment", labels=["cell"])
    with torch.no_grad():
        found = scoring_pass(resident, "probability")(network, IMAGES, ())[:, :1].sigmoid()
        torch.testing.assert_close(found, network(IMAGES)[:, :1])
    with pytest.raises(InvalidCard, match="puts out probabilities"):
        ended(lane, network, "softmax", "segment", labels=["cell"])


def test_another_activation_is_the_same_card(lane: Lane) -> None:
    resident = ended(lane, Ends(torch.sigmoid), "softmax")
    written = resident.card.read_with("softmax")
    assert resident.card.output.activation == "sigmoid"
    assert resident.card.same_as(written) and written.same_as(resident.card)


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
