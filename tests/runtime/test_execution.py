from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from brightfield.errors import Unexplainable
from brightfield.outages import ModelFailed, OutOfMemory
from brightfield.runtime.operations import Forward, Gradients, RowSpan
from brightfield.runtime.ticket import Ticket

from .conftest import Make, Recorder, images
from .test_batcher import Held, ask


def test_a_failing_batch_is_bisected_so_that_only_the_offender_fails(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        items = [ask(resident, -1 if i == 5 else i) for i in range(8)]
    wait([item.future for item in items])
    with pytest.raises(ModelFailed, match="recorder raised ValueError"):
        items[5].future.result()
    good = [item.future.result()[0, 0, 0, 0].item() for i, item in enumerate(items) if i != 5]
    assert good == [0, 2, 4, 6, 8, 12, 14]


def test_out_of_memory_halves_the_ceiling_and_retries(resident_of: Make) -> None:
    resident = resident_of(Recorder(most=3))
    with Held(resident) as module:
        items = [ask(resident, i) for i in range(8)]
    results = [item.future.result(5)[0, 0, 0, 0].item() for item in items]
    assert results == [0, 2, 4, 6, 8, 10, 12, 14]
    assert module.batches == [1, 8, 4, 2, 2, 4, 2, 2]
    assert resident.most_rows(Forward(), (1, 2, 2)) == 2


def test_calls_are_not_measured(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    assert resident.call(lambda: 7).result(5) == 7
    assert resident.sizes.measured() == {}


def test_one_item_of_many_rows_is_cut_and_put_together_again(resident_of: Make) -> None:
    resident = resident_of(Recorder(most=3))
    item = resident.submit(Forward(), images(*range(7)), Ticket())
    assert item.future.result(5)[:, 0, 0, 0].tolist() == [0, 2, 4, 6, 8, 10, 12]


def test_a_single_image_that_does_not_fit_says_so(resident_of: Make) -> None:
    resident = resident_of(Recorder(most=0))
    with pytest.raises(OutOfMemory, match="send a smaller one"):
        ask(resident, 1).future.result(5)


def test_gradients_of_several_items_in_one_batch_are_their_own(resident_of: Make) -> None:
    """For f(x) = W x the gradient of f_k is the k-th row of W, whoever shares the batch."""
    linear = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).double().requires_grad_(False)
    gated = nn.Sequential(Recorder(), linear)
    resident = resident_of(gated)
    recorder: Recorder = gated[0]  # type: ignore[assignment]
    recorder.gate.clear()
    blocker = resident.submit(Forward(), images(1).double(), Ticket())
    assert recorder.entered.wait(5)
    items = [
        resident.submit(
            Gradients(),
            torch.rand(k + 1, 1, 2, 2).double(),
            Ticket(),
            argument=lambda out, k=k: out[:, k],
        )
        for k in range(3)
    ]
    recorder.gate.set()
    blocker.future.result(5)
    for k, item in enumerate(items):
        gradient = item.future.result(5)
        expected = 2 * linear[1].weight[k].view(1, 1, 2, 2).expand(k + 1, 1, 2, 2)
        torch.testing.assert_close(gradient.gradients, expected)
        assert item.batch_rows == 6
    assert all(p.grad is None for p in resident.module.parameters())


def test_results_of_a_large_shared_batch_own_their_memory(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        large = [resident.submit(Forward(), torch.ones(1, 1, 256, 256), Ticket()) for _ in range(4)]
    for item in large:
        result = item.future.result(5)
        assert item.batch_rows == 4
        assert result.untyped_storage().nbytes() == result.numel() * result.element_size()


def test_nan_among_the_outputs_fails_its_own_item_alone(resident_of: Make) -> None:
    resident = resident_of(Recorder())
    with Held(resident):
        items = [ask(resident, value) for value in (1, float("nan"), float("inf"))]
        timed = ask(resident, float("nan"), only_timed=True)
    assert items[0].future.result(5)[0, 0, 0, 0] == 2
    with pytest.raises(ModelFailed, match="recorder has NaN among its outputs"):
        items[1].future.result(5)
    assert items[2].future.result(5)[0, 0, 0, 0] == float("inf")
    assert timed.future.result(5).isnan().all()


@pytest.mark.parametrize(
    "fault", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration()]
)
def test_what_should_end_a_process_ends_an_item(resident_of: Make, fault: BaseException) -> None:
    class Ending(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise fault

    resident = resident_of(Ending())
    with pytest.raises(ModelFailed, match=f"raised {type(fault).__name__}"):
        ask(resident, 1).future.result(5)
    assert resident.lane.state == "up"


def test_a_gradient_with_nan_is_not_explained(resident_of: Make) -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1).sum(1, keepdim=True).mul(0).sqrt()

    item = resident_of(Root()).submit(
        Gradients(), images(1.0), Ticket(), argument=lambda output: output[:, 0]
    )
    with pytest.raises(Unexplainable, match="has NaN there"):
        item.future.result(5)


@dataclass(frozen=True)
class ThreadsOfPyTorch:
    """How many threads PyTorch may use in a pass."""

    own_threads: bool

    def __call__(self, module: nn.Module, rows: torch.Tensor, _: Sequence[RowSpan]) -> torch.Tensor:
        return torch.full((len(rows),), torch.get_num_threads())


def test_the_threads_of_pytorch_keep_away_from_those_of_another_library(
    resident_of: Make,
) -> None:
    resident = resident_of(Recorder())
    resident.call(lambda: torch.set_num_threads(2)).result(5)
    used = [
        resident.submit(ThreadsOfPyTorch(own), images(1), Ticket()).future.result(5).item()
        for own in (False, True, False)
    ]
    assert used == [2, 1, 2]
