from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.engine.scoring import scoring_pass
from brightfield.models.inspection.normalising import Cut, Undo
from brightfield.runtime.resident import Resident

CUT = Cut(frozenset([0]), 1, "softmax")


@pytest.mark.parametrize(
    ("kind", "activation", "cut"),
    [
        ("logit", "none", CUT),
        ("logit", "softmax", CUT),
        ("probability", "none", None),
        ("probability", "softmax", CUT),
    ],
)
def test_scores_are_normalised_once_or_never(kind: Any, activation: str, cut: Cut | None) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Softmax(dim=1))
    forward = scoring_pass(resident(module, activation), kind)
    assert forward.cut == cut
    rows = torch.tensor([[1.0, 3.0]])
    expected = rows if cut else rows.softmax(1)
    torch.testing.assert_close(forward(module, rows, ()).clone(), expected)


def test_an_activation_that_would_be_a_second_one_is_undone_before() -> None:
    made = resident(nn.Sequential(nn.Flatten(), nn.Softmax(dim=1)), "sigmoid")
    made.scores = Undo("sigmoid")
    assert scoring_pass(made, "probability").cut == Undo("sigmoid")
    assert scoring_pass(made, "logit").cut == CUT


def resident(module: nn.Module, activation: str) -> Resident:
    card = ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "output": {"activation": activation},
        }
    )  # fmt: skip
    lane: Any = None
    scores = None if activation == "none" else CUT
    return Resident(card, module, lane, 0, cut=CUT, scores=scores)
