"""Two outputs agree if the answers that a task makes of them do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from brightfield import tasks
from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.models.examination.gaps import Gap, relative_gap, worst


def card(task: str, **more: Any) -> ModelCard:
    said = {
        "id": "m", "version": "1", "task": task, "licence": "MIT",
        "architecture": {"name": "none"}, "labels": ["a", "b"], **more,
    }  # fmt: skip
    return ModelCard.model_validate(said)


def gaps(expected: Any, found: Any, of: ModelCard) -> dict[str, Gap]:
    return {gap.measure: gap for gap in tasks.catalog()[of.task].compared(expected, found, of)}


def broken(expected: Any, found: Any, of: ModelCard) -> set[str]:
    return {measure for measure, gap in gaps(expected, found, of).items() if not gap.holds}


class TestClasses:
    CARD = card("classify")
    LOGITS = torch.tensor([[2.0, 0.0], [0.0, 0.01]])

    def test_a_score_may_differ_by_the_tolerance(self) -> None:
        near = self.LOGITS + torch.tensor([[0.1, 0.0], [0.0, 0.1]])
        assert not broken(self.LOGITS, near, self.CARD)
        strict = card("classify", inference={"tolerance": 0.001})
        assert broken(self.LOGITS, near, strict) == {"largest difference of a score"}

    def test_the_first_class_may_not(self) -> None:
        other = self.LOGITS - torch.tensor([[0.0, 0.0], [0.0, 0.02]])
        assert broken(self.LOGITS, other, self.CARD) == {"images with the same first class"}


class TestCandidates:
    CARD = card("detect", output={"activation": "sigmoid"})

    @staticmethod
    def two(**changes: Tensor) -> Candidates:
        boxes = torch.tensor([[[0.0, 0, 10, 10], [20, 20, 30, 30]]])
        logits = torch.tensor([[[4.0, -4.0], [-4.0, -4.0]]])
        return Candidates(boxes, logits, boxes[..., :2])._replace(**changes)

    def test_an_edge_of_a_likely_box_may_move_half_a_pixel(self) -> None:
        moved = self.two().boxes + torch.tensor([[[0.4], [9.0]]])
        assert not broken(self.two(), self.two(boxes=moved), self.CARD)
        assert broken(self.two(), self.two(boxes=moved + 0.2), self.CARD) == {
            "largest move of a box's edge, in pixels"
        }

    def test_a_box_may_not_appear(self) -> None:
        found = self.two(logits=torch.tensor([[[4.0, -4.0], [3.0, -4.0]]]))
        assert broken(self.two(), found, self.CARD) == {"largest difference of a score"}


class TestMaps:
    CARD = card("segment", output={"activation": "softmax"})

    def test_the_masks_must_overlap(self) -> None:
        maps = torch.zeros(1, 3, 20, 20)
        maps[:, 1, :10] = 4.0
        assert not broken(maps, maps + 0.5, self.CARD)
        other = maps.clone()
        other[:, 1, 10] = 4.0
        found = gaps(maps, other, self.CARD)["least overlap of masks"]
        assert found.value == pytest.approx(9 / 10) and not found.holds

    def test_objects_must_be_found_again(self) -> None:
        of = card("segment", labels=["a"], output={"activation": "sigmoid", "instances": {}})
        maps = torch.full((1, 2, 32, 64), -9.0)
        for place in (8, 40):
            maps[:, 0, 4:28, place : place + 20] = 9.0
            maps[:, 1, 15, place + 10] = 9.0
        split = maps.clone()
        split[:, 0, :, 49:51] = -9.0
        split[:, 1, 15, 43], split[:, 1, 15, 55] = 9.0, 9.0
        assert "objects that are found again" not in broken(maps, maps, of)
        found = gaps(maps, split, of)["objects that are found again"]
        assert found.value < 0.99 and not found.holds


class TestPixels:
    CARD = card("superresolve", labels=[], output={"scale": 2}, input={"std": [0.5]})

    @pytest.mark.parametrize(("difference", "psnr"), [(1e-3, 66.02), (4e-3, 53.98)])
    def test_the_noise_must_be_small(self, difference: float, psnr: float) -> None:
        image = torch.rand(1, 3, 8, 8)
        found = gaps(image, image + difference, self.CARD)["least PSNR, in dB"]
        assert found.value == pytest.approx(psnr, abs=0.05) and found.holds == (psnr > 60)


class TestGaps:
    def test_other_forms_are_infinitely_far(self) -> None:
        one = torch.ones(2, 3)
        assert relative_gap(one, one * 1.01, 0.1).value == pytest.approx(0.01)
        for other in (torch.ones(2, 4), (one, one), None, torch.full((2, 3), float("nan"))):
            assert not relative_gap(one, other, 1e9).holds

    def test_the_worst_of_each_measure_counts(self) -> None:
        found = worst([Gap("a", 1.0, 2.0), Gap("b", 0.9, 0.5, at_least=True), Gap("a", 3.0, 2.0),
                       Gap("b", 0.7, 0.5, at_least=True), Gap("a", 2.0, 2.0)])  # fmt: skip
        assert [(gap.measure, gap.value) for gap in found] == [("a", 3.0), ("b", 0.7)]
