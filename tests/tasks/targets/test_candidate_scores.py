"""D-RISE's similarity and the score of a candidate, against numbers by hand and torchvision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.tasks.targets.candidate_scores import CandidateScore, Similarity, Spot, overlaps

WHOLE = (0.0, 0.0, 100.0, 80.0)


def card(activation: str) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "detect", "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": activation},
        }
    )  # fmt: skip


def spot(box: Any, class_id: int = 0, activation: str = "sigmoid") -> Spot:
    return Spot(card(activation), class_id, box, WHOLE)


def test_overlaps_are_torchvisions() -> None:
    generator = np.random.default_rng(0)
    starts = generator.uniform(0, 50, (50, 2))
    boxes = torch.from_numpy(
        np.concatenate([starts, starts + generator.uniform(1, 30, (50, 2))], 1)
    )
    for box in boxes[:5]:
        expected = box_iou(box[None], boxes)[0]
        torch.testing.assert_close(overlaps(boxes, tuple(box.tolist()), WHOLE), expected)


def test_of_boxes_only_what_shows_the_image_counts() -> None:
    boxes = torch.tensor([[[-10.0, -10, 10, 10], [90, 70, 130, 90], [120, 0, 130, 9]]])
    found = overlaps(boxes, (-4.0, 0.0, 10.0, 10.0), WHOLE)
    assert found.tolist() == [[1, 0, 0]]
    assert overlaps(boxes, (90.0, 70.0, 100.0, 80.0), WHOLE)[0, 1] == 1
    assert overlaps(torch.full((1, 4), torch.nan), (0.0, 0.0, 1.0, 1.0), WHOLE).tolist() == [0]


# Two candidates beside the box 0,0,10,10: moved by 5 (IoU 50 / 150), and its left half (50 / 100).
BOXES = torch.tensor([[[5.0, 0, 15, 10], [0, 0, 5, 10], [50, 50, 60, 60]]])
POINTS = torch.zeros(1, 3, 2)


class TestSimilarity:
    def test_it_is_the_greatest_product(self) -> None:
        probabilities = torch.tensor([[[0.9, 0.2], [0.5, 0.7], [1 - 1e-6, 0.5]]])
        found = Candidates(BOXES, probabilities.logit(), POINTS)
        box = (0.0, 0.0, 10.0, 10.0)
        assert float(Similarity(spot(box))(found)) == pytest.approx(0.9 / 3)
        assert float(Similarity(spot(box, 1))(found)) == pytest.approx(0.7 / 2)
        assert float(Similarity(spot((80.0, 70.0, 90.0, 75.0)))(found)) == 0

    def test_under_softmax_the_background_comes_first(self) -> None:
        logits = torch.tensor([[[1.0, 2, 3], [0, 1, 0], [0, 0, 0]]])
        expected = np.exp(1) / (2 + np.exp(1)) / 2
        found = Candidates(BOXES, logits, POINTS)
        similarity = Similarity(spot((0.0, 0.0, 10.0, 10.0), 0, "softmax"))
        assert float(similarity(found)) == pytest.approx(max(expected, 0.24472847 / 3))

    def test_boxes_of_a_class_and_candidates_of_one(self) -> None:
        probabilities = torch.full((1, 3, 2), 0.8)
        per_class = torch.stack([BOXES.flip(1), BOXES], 2)
        found = Candidates(per_class, probabilities.logit(), POINTS)
        box = (5.0, 0.0, 15.0, 10.0)
        assert spot(box, 0).overlaps(found)[0].tolist() == [0, 0, 1]
        assert spot(box, 1).overlaps(found)[0].tolist() == [1, 0, 0]
        found = Candidates(BOXES, probabilities.logit(), POINTS, classes=torch.tensor([[1, 0, 0]]))
        assert float(Similarity(spot(box, 0))(found)) == 0
        assert float(Similarity(spot(box, 1))(found)) == pytest.approx(0.8)


class TestTheCandidate:
    LOGITS = torch.tensor([[[1.0, 4], [2, 5], [3, 6]]]).expand(2, 3, 2)

    def test_where_places_are_fixed_it_stays(self) -> None:
        """Whatever the boxes have become."""
        found = Candidates(torch.cat([BOXES, BOXES.flip(1)]), self.LOGITS, POINTS.expand(2, 3, 2))
        score = CandidateScore(spot((0.0, 0.0, 5.0, 10.0), 1), "logit", 1, POINTS)
        assert score(found).tolist() == [5, 5]
        score = CandidateScore(spot((50.0, 50.0, 60.0, 60.0)), "probability", 2, POINTS)
        assert score(found).tolist() == pytest.approx([1 / (1 + np.exp(-3))] * 2)

    def test_under_softmax_its_logit_is_behind_the_backgrounds(self) -> None:
        found = Candidates(BOXES, self.LOGITS[:1], POINTS)
        spot_of_one = spot((0.0, 0.0, 5.0, 10.0), 0, "softmax")
        assert CandidateScore(spot_of_one, "logit", 1, POINTS)(found).tolist() == [5]
        score = CandidateScore(spot_of_one, "probability", 1, POINTS)
        assert score(found).tolist() == pytest.approx([1 / (1 + np.exp(2 - 5))])

    def test_where_they_are_proposed_it_is_the_one_that_overlaps_most(self) -> None:
        moved = torch.cat([POINTS, POINTS + torch.arange(3)[:, None]])
        found = Candidates(torch.cat([BOXES, BOXES.flip(1)]), self.LOGITS, moved)
        score = CandidateScore(spot((50.0, 50.0, 60.0, 60.0)), "logit", 2, POINTS)
        assert score(found).tolist() == [3, 1]
        nothing = Candidates(BOXES, self.LOGITS[:1], torch.full((1, 3, 2), torch.nan))
        assert score(nothing).tolist() == [3]

    def test_its_gradient_is_that_of_one_logit(self) -> None:
        logits = self.LOGITS[:1].clone().requires_grad_()
        score = CandidateScore(spot((0.0, 0.0, 5.0, 10.0), 1), "logit", 1, POINTS)
        (gradient,) = torch.autograd.grad(score(Candidates(BOXES, logits, POINTS)).sum(), logits)
        assert gradient.flatten().tolist() == [0, 0, 0, 1, 0, 0]
