from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from brightfield.cards import ModelCard
from brightfield.engine.scoring import scoring_pass
from brightfield.runtime.resident import Resident


@pytest.mark.parametrize(
    ("kind", "activation", "cut"),
    [
        ("logit", "none", "1"),
        ("logit", "softmax", "1"),
        ("probability", "none", None),
        ("probability", "softmax", "1"),
    ],
)
def test_scores_are_normalised_once_or_never(kind: Any, activation: str, cut: str | None) -> None:
    card = ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"}, "output": {"activation": activation},
        }
    )  # fmt: skip
    module = nn.Sequential(nn.Flatten(), nn.Softmax(dim=1))
    lane: Any = None
    forward = scoring_pass(Resident(card, module, lane, 0, cut="1"), kind)
    assert forward.cut == cut
    rows = torch.tensor([[1.0, 3.0]])
    expected = rows if cut else rows.softmax(1)
    torch.testing.assert_close(forward(module, rows, ()).clone(), expected)
