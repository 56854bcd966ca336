from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.normalising import Cut
from brightfield.runtime.operations import Activations, Forward, Gradients, RowSpan

# The only softmax of `Branches`.
END = Cut(frozenset([0]), 1, "softmax")
ROWS = torch.tensor([[[[1.0, -2], [3, 4]]], [[[-1.0, 5], [0, 2]]]])


class Branches(nn.Module):
    """Scores sum(relu(z)) - 3 sum(z) and sum(z^2), for z = twice the input; `aside` is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.twice.weight, 2.0)
        self.relu = nn.ReLU(inplace=True)
        self.aside = nn.Identity()
        self.end = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.twice(x)
        self.aside(x.detach())
        first = self.relu(z.clone()).sum((1, 2, 3)) - 3 * z.sum((1, 2, 3))
        scores: Tensor = self.end(torch.stack([first, z.square().sum((1, 2, 3))], dim=1))
        return scores


@pytest.fixture
def module() -> Branches:
    return Branches().eval()


def spans(*targets: int) -> list[RowSpan]:
    return [
        RowSpan(row, row + 1, lambda output, t=target: output[:, t])
        for row, target in enumerate(targets)
    ]


def test_items_of_one_batch_have_scores_of_their_own(module: Branches) -> None:
    z = 2 * ROWS
    found = Gradients(cut=END)(module, ROWS, spans(0, 1))
    assert torch.equal(found.scores[1], z[1].square().sum())
    assert torch.equal(found.gradients[0], 2 * ((z[0] > 0).float() - 3))
    assert torch.equal(found.gradients[1], 2 * 2 * z[1])
    assert torch.equal(found.activations, ROWS)


def test_by_a_layer_the_gradient_has_the_layers_shape(module: Branches) -> None:
    found = Gradients(Tap("twice"), cut=END)(module, ROWS, spans(0, 1))
    assert torch.equal(found.activations, 2 * ROWS)
    assert torch.equal(found.gradients[1], 2 * 2 * ROWS[1])


def test_a_relu_rule_guides_the_relu_and_not_the_branch_beside_it(module: Branches) -> None:
    """d / d z of the negative second score through both branches: clamped, and not clamped."""
    down = [RowSpan(0, 2, lambda output: -output[:, 0])]
    plain = Gradients(cut=END)(module, ROWS, down)
    guided = Gradients(cut=END, relu_rule="guided")(module, ROWS, down)
    assert torch.equal(guided.scores, plain.scores)
    assert torch.equal(plain.gradients, 2 * (3 - (ROWS > 0).float()))
    assert torch.equal(guided.gradients, torch.full_like(ROWS, 6))


def test_the_score_may_be_a_value_within(module: Branches) -> None:
    found = Gradients(of=Tap("twice"))(module, ROWS, [RowSpan(0, 2, lambda maps: maps[:, 0, 1, 0])])
    expected = torch.zeros_like(ROWS)
    expected[:, 0, 1, 0] = 2
    assert torch.equal(found.gradients, expected)
    assert found.scores.tolist() == [6, 0]
    assert found.activations.shape == ROWS.shape


def test_only_like_operations_share_a_batch() -> None:
    different = [
        Gradients(),
        Gradients(Tap("twice")),
        Gradients(cut=END),
        Gradients(relu_rule="guided"),
        Gradients(of=Tap("twice")),
    ]
    assert len(set(different)) == 5
    assert Gradients(relu_rule="guided") == Gradients(relu_rule="guided")


def test_without_a_relu_there_is_nothing_to_guide() -> None:
    linear = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Tanh(), nn.Flatten())
    with pytest.raises(Unexplainable, match=r"no ReLU .* use gradient"):
        Gradients(relu_rule="guided")(linear, ROWS, spans(0, 0))
    before = [RowSpan(0, 2, lambda maps: maps[:, 0, 1, 0])]
    with pytest.raises(Unexplainable, match="no ReLU"):  # only one after the score
        Gradients(relu_rule="guided", of=Tap("twice"))(Branches(), ROWS, before)


def test_what_the_score_does_not_depend_on_is_refused(module: Branches) -> None:
    for operation in (Gradients(Tap("aside")), Gradients(of=Tap("aside"))):
        with pytest.raises(Unexplainable, match="no gradient there"):
            operation(module, ROWS, [RowSpan(0, 2, lambda output: output.flatten(1)[:, 0])])
    with pytest.raises(UnknownLayer, match="does not take part"):
        module.unused = nn.Identity()
        Gradients(Tap("unused"))(module, ROWS, spans(0, 0))


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(3).relu_().flatten(1)


@pytest.mark.parametrize("rule", [None, "guided"])
def test_a_model_may_work_in_place_on_its_input(rule: str | None) -> None:
    rows = ROWS.clone()
    found = Gradients(relu_rule=rule)(InPlace(), rows, spans(0, 1))  # type: ignore[arg-type]
    assert torch.equal(rows, ROWS)
    assert found.gradients[0].flatten().tolist() == [3, 0, 0, 0]
    assert found.gradients[1].flatten().tolist() == [0, 3, 0, 0]


def test_nothing_is_left_on_the_module(module: Branches) -> None:
    def broken(output: Tensor) -> Tensor:
        raise ValueError("broken")

    everything = Gradients(Tap("twice"), END, "guided", Tap("relu"))
    for score in (lambda maps: maps.sum((1, 2, 3)), broken):
        try:
            everything(module, ROWS, [RowSpan(0, 2, score)])
        except ValueError as fault:
            assert str(fault) == "broken"
        assert not any(p._forward_hooks or p._forward_pre_hooks for p in module.modules())
        assert all(parameter.grad is None for parameter in module.parameters())
        assert not module.training
        assert torch.is_grad_enabled()


def test_forward_leaves_the_cut_module_out(module: Branches) -> None:
    scores = Forward(END)(module, ROWS, [])
    assert torch.equal(scores.softmax(dim=1), Forward()(module, ROWS, []))
    assert scores[0].tolist() == [16 - 3 * 12, 4 * (1 + 4 + 9 + 16)]
    assert torch.equal(Activations(Tap("twice"))(module, ROWS, []), 2 * ROWS)
