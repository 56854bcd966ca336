"""A backend that fails is used no longer, and the request is answered by the model itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from brightfield.errors import BrightfieldError
from brightfield.runtime.acceleration.accelerated import Accelerated, FastNetwork
from brightfield.runtime.acceleration.network import OutputTree
from brightfield.runtime.backends.inference_backend import RunnableNetwork
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import WorkItem

from .conftest import Make


def failing(rows: Tensor) -> Sequence[Tensor]:
    raise RuntimeError("no kernel for this shape")


@pytest.fixture
def resident(learned: Make) -> Resident:
    made = learned()
    tree = OutputTree.of(torch.zeros(1, 4))
    fast = FastNetwork("openvino", "fp32", RunnableNetwork(failing, 0), tree)
    made.accelerated = Accelerated(None, network=fast)
    return made


def ask(resident: Resident, rows: Tensor) -> WorkItem:
    item = resident.submit(resident.predicting(), rows, Ticket())
    item.future.exception()
    resident.run(lambda: None)  # the lane is done with it
    return item


def test_the_model_itself_answers_instead(resident: Resident) -> None:
    rows = torch.rand(2, 3, 16, 16)
    item = ask(resident, rows)
    assert torch.allclose(item.result(), resident.module(rows), atol=1e-5)
    assert getattr(item.operation, "backend", None) == "eager"


def test_a_backend_that_fails_again_and_again_is_left_out(resident: Resident) -> None:
    assert resident.predicting().backend == "openvino"
    for _ in range(3):
        ask(resident, torch.rand(1, 3, 16, 16))
    assert resident.predicting().backend == "eager"


def test_what_the_model_cannot_run_either_is_not_its_fault(resident: Resident) -> None:
    for _ in range(5):
        item = ask(resident, torch.rand(1, 5, 16, 16))
        assert isinstance(item.future.exception(), BrightfieldError)
    assert resident.predicting().backend == "openvino"


def test_an_output_keeps_its_form() -> None:
    output = {"a": torch.zeros(1), "b": (torch.ones(1), None, "words")}
    tree = OutputTree.of(output)
    found = tree.filled([torch.full((1,), 2.0), torch.full((1,), 3.0)])
    assert float(found["a"]) == 2 and float(found["b"][0]) == 3
    assert found["b"][1:] == (None, "words")
