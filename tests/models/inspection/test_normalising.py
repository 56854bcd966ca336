"""The softmax or sigmoid that makes a network's output, wherever else the network uses one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from brightfield.errors import Unexplainable
from brightfield.models.architecture import Candidates
from brightfield.models.inspection.normalising import Cut, Undo, normalising_end

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


class Gated(nn.Module):
    """Channels gated by an activation, which the network also ends in; `logits` stops before."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.gate, self.fc = nn.Conv2d(3, 5, 3), nn.Linear(5, 5), nn.Linear(5, 4)
        self.act = act

    def logits(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gates = self.act(self.gate(x.mean((2, 3))))
        logits: Tensor = self.fc((x * gates[:, :, None, None]).mean((2, 3)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.logits(x))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "one sigmoid module": nn.Sigmoid(),
    "one softmax module": nn.Softmax(dim=1),
    "one log-softmax module": nn.LogSoftmax(dim=1),
    "one log-sigmoid module": nn.LogSigmoid(),
    "torch.sigmoid": torch.sigmoid,
    "torch.softmax": lambda x: torch.softmax(x, 1),
    "functional.softmax": lambda x: functional.softmax(x, dim=1),
    "functional.log_softmax": lambda x: functional.log_softmax(x, dim=-1),
    "a method": lambda x: x.sigmoid(),
    "in place": lambda x: x.sigmoid_(),
    "special": torch.special.expit,
    "in float64": lambda x: torch.softmax(x, 1, dtype=torch.float64).float(),
}


@pytest.mark.parametrize("act", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_of_a_call_that_comes_twice_the_last_is_cut(act: Callable[[Tensor], Tensor]) -> None:
    network = Gated(act).eval()
    end = normalising_end(network, IMAGES[:1])
    assert end is not None
    assert end.cut is not None
    assert (end.cut.calls, end.cut.total) == ({1}, 2)
    with torch.no_grad():
        torch.testing.assert_close(end.cut(network, IMAGES), network.logits(IMAGES))
        torch.testing.assert_close(network(IMAGES), act(network.logits(IMAGES)))


class Ends(nn.Module):
    """Class scores, and what a network makes of them."""

    def __init__(self, end: Callable[[Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(3 * 8 * 8, 4)
        self.end = end

    def forward(self, x: Tensor) -> Any:
        return self.end(self.fc(x.flatten(1)))


def written_into(z: Tensor) -> Tensor:
    scores = torch.zeros_like(z)
    scores[:, :2], scores[:, 2:] = z[:, :2].sigmoid(), z[:, 2:].sigmoid()
    return scores


CUT: dict[str, Callable[[Tensor], Tensor]] = {
    "squeezed": lambda z: z.unsqueeze(1).softmax(2).squeeze(1),
    "two heads": lambda z: torch.cat([z[:, :1].sigmoid(), z[:, 1:].sigmoid()], dim=1),
    "class by class": lambda z: torch.stack([z[:, i].sigmoid() for i in range(4)], dim=1),
    "written into a tensor": written_into,
}


@pytest.mark.parametrize("end", CUT.values(), ids=CUT)
def test_moved_and_joined_values_are_cut(end: Callable[[Tensor], Tensor]) -> None:
    found = normalising_end(network := Ends(end), IMAGES[:1])
    assert found is not None
    assert found.cut is not None
    with torch.no_grad():
        torch.testing.assert_close(found.cut(network, IMAGES), network.fc(IMAGES.flatten(1)))


KNOWN: dict[str, Callable[[Tensor], Tensor]] = {
    "two distributions": lambda z: torch.cat([z[:, :2].softmax(1), z[:, 2:].softmax(1)], dim=1),
    "without the background": lambda z: z.softmax(1)[:, 1:],
    "over the batch": lambda z: z.softmax(0),
    "within another function": lambda z: functional.softmin(z, dim=1),
}


@pytest.mark.parametrize("end", KNOWN.values(), ids=KNOWN)
def test_what_cannot_be_cut_is_known_to_be_normalised(end: Callable[[Tensor], Tensor]) -> None:
    found = normalising_end(Ends(end), IMAGES[:1])
    assert found is not None
    assert (found.kind, found.cut) == ("softmax", None)


def test_a_gate_is_no_end() -> None:
    assert normalising_end(Ends(lambda z: z.sigmoid() * z), IMAGES[:1]) is None
    assert normalising_end(Ends(lambda z: {"scores": z.sigmoid()}), IMAGES[:1]) is None
    assert normalising_end(Ends(lambda z: z.no_such_thing()), IMAGES[:1]) is None


def test_without_autograd_the_last_call_is_tried() -> None:
    def undifferentiable(z: Tensor) -> Tensor:
        return (z.detach().sigmoid() * z.detach()).softmax(1)

    found = normalising_end(network := Ends(undifferentiable), IMAGES[:1])
    assert found is not None
    assert found.cut == Cut(frozenset([1]), 2, "softmax")
    only_a_gate = Ends(lambda z: z.detach().sigmoid() * z.detach())
    assert normalising_end(only_a_gate, IMAGES[:1]) is None
    assert not network.training or not any(p.grad is not None for p in network.parameters())


def test_a_network_that_draws_random_numbers_is_cut_all_the_same() -> None:
    network = Ends(lambda z: functional.dropout(z).softmax(1))
    state = torch.get_rng_state()
    found = normalising_end(network, IMAGES[:1])
    assert found is not None
    assert found.cut is not None
    assert torch.equal(torch.get_rng_state(), state)


def test_of_candidates_the_scores_are_cut() -> None:
    def detector(z: Tensor) -> Candidates:
        scores = torch.stack([z, -z], dim=1).sigmoid()
        return Candidates(scores.new_zeros(len(z), 2, 4), scores, scores.new_zeros(len(z), 2, 2))

    found = normalising_end(network := Ends(detector), IMAGES[:1])
    assert found is not None
    assert found.cut is not None
    with torch.no_grad():
        expected = network.fc(IMAGES.flatten(1))
        torch.testing.assert_close(found.cut(network, IMAGES).logits[:, 0], expected)


def test_rows_that_take_another_way_are_refused() -> None:
    class Deeper(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            z = x.mean((2, 3))
            return (z.sigmoid() if bool(x.max() > 100) else z).softmax(1)

    found = normalising_end(network := Deeper(), IMAGES[:1])
    assert found is not None
    assert found.cut is not None
    assert torch.equal(found.cut(network, IMAGES), IMAGES.mean((2, 3)))
    with pytest.raises(Unexplainable, match="2 times for this image"):
        found.cut(network, IMAGES + 200)


def test_what_is_undone_comes_out_again() -> None:
    z = torch.tensor([[2.0, -1, 0.5, 90]])
    for name, end in (("sigmoid", torch.sigmoid), ("softmax", lambda z: z.softmax(1))):
        scores = Undo(name)(nn.Identity(), end(z))  # type: ignore[arg-type]
        torch.testing.assert_close(end(scores), end(z))
    part = Undo("sigmoid", 2)(nn.Identity(), torch.tensor([[0.5, 1, 7, -7]]))
    assert part.tolist() == [[0, torch.inf, 7, -7]]
