"""The detector's losses against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from brightfield.models.architecture import Candidates
from training.assignment import Assignment, Objects
from training.detection_losses import detection_losses, varifocal


def cross_entropy(p: float, q: float) -> float:
    return -q * math.log(p) - (1 - q) * math.log(1 - p)


def test_varifocal_is_a_weighed_cross_entropy() -> None:
    scores, targets = torch.tensor([0.3, 0.8, 0.6]), torch.tensor([0.0, 0.9, 0.0])
    expected = (
        0.75 * 0.3**2 * cross_entropy(0.3, 0)
        + 0.9 * cross_entropy(0.8, 0.9)
        + 0.75 * 0.6**2 * cross_entropy(0.6, 0)
    )
    assert float(varifocal(scores.logit(), targets)) == pytest.approx(expected, rel=1e-5)


def test_losses_by_hand() -> None:
    # Half of the box: IoU 0.5, centres 2.5 apart in a hull with diagonal sqrt(200).
    box, wanted = [0.0, 0, 10, 5], [0.0, 0, 10, 10]
    aspect = 4 / math.pi**2 * (math.atan(10 / 5) - math.atan(10 / 10)) ** 2
    complete = 0.5 + 2.5**2 / 200 + aspect * aspect / (0.5 + aspect)
    candidates = Candidates(
        torch.tensor([[box, wanted]]), torch.zeros(1, 2, 1), torch.zeros(1, 2, 2)
    )
    assignment = Assignment(torch.tensor([[[2.5], [0.0]]]), torch.tensor([[0, -1]]))
    objects = Objects(
        torch.tensor([[wanted]]), torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1) > 0
    )
    found = detection_losses(candidates, objects, assignment)
    assert float(found["boxes"]) == pytest.approx(complete, rel=1e-5)
    # The target is outside [0, 1] here, so that the division by the total shows.
    background = 0.75 * 0.25 * math.log(2)
    assert float(found["classes"]) == pytest.approx((2.5 * math.log(2) + background) / 2.5)


def test_without_objects_they_are_finite_and_have_gradients() -> None:
    logits = torch.zeros(1, 3, 2, requires_grad=True)
    boxes = torch.zeros(1, 3, 4, requires_grad=True)
    objects = Objects(
        torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1) > 0
    )
    nothing = Assignment(torch.zeros(1, 3, 2), torch.full((1, 3), -1))
    found = detection_losses(Candidates(boxes, logits, torch.zeros(1, 3, 2)), objects, nothing)
    assert found["boxes"].item() == 0
    (found["classes"] + found["boxes"]).backward()
    assert logits.grad is not None and (logits.grad > 0).all()
    assert boxes.grad is not None and not boxes.grad.any()
