"""A list of dicts, as torchvision's detectors give it, becomes candidates with the same scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.models.loading.detection_lists import read_detection_lists
from brightfield.outages import ModelFailed
from brightfield.tasks.objects.suppression import suppress

BOXES = torch.tensor([[2.0, 3, 20, 30], [40, 8, 60, 40], [5, 5, 9, 9]])
FOUND = {"boxes": BOXES, "labels": torch.tensor([2, 1, 2]), "scores": torch.tensor([0.9, 0.6, 0.2])}


class Detector(nn.Module):
    """Finds the same in every second image."""

    def __init__(self, found: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.found = found

    def forward(self, images: Tensor) -> list[Mapping[str, Tensor]]:
        empty = {name: values[:0] for name, values in self.found.items()}
        return [empty if number % 2 else self.found for number in range(len(images))]


def card(activation: str) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "detect", "licence": "MIT", "labels": ["a", "b"],
            "architecture": {"name": "-"}, "output": {"activation": activation},
        }
    )  # fmt: skip


def candidates(found: Mapping[str, Tensor], activation: str) -> Candidates:
    network = Detector(found)
    read_detection_lists(network, card(activation))
    output = network(torch.zeros(2, 3, 64, 64))
    assert isinstance(output, Candidates)
    return output


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_scores_come_out_as_they_went_in(activation: Any) -> None:
    output = candidates(FOUND, activation)
    one, other = (Candidates(*(p if p is None else p[i : i + 1] for p in output)) for i in (0, 1))
    objects = suppress(one, activation, threshold=0.1, iou=0.5, max_detections=9)
    assert objects.class_ids.tolist() == [1, 0, 1]
    assert objects.scores.tolist() == pytest.approx([0.9, 0.6, 0.2], abs=1e-5)
    assert torch.equal(torch.from_numpy(objects.boxes), BOXES)
    assert len(suppress(other, activation, threshold=0.1, iou=0.5, max_detections=9)) == 0


def test_masks_are_laid_over_their_boxes() -> None:
    masks = torch.zeros(3, 1, 64, 64)
    masks[0, 0, 3:30, 2:11] = 1  # the left half of the first box
    output = candidates({**FOUND, "masks": masks}, "none")
    assert output.masks is not None and output.masks.shape == (2, 3, 1, 112, 112)
    inside = output.masks[0, 0, 0].sigmoid() > 0.5
    assert inside[8:-8, 4:50].all() and not inside[:, 62:].any()


def test_a_class_without_a_label_and_boxes_without_scores_are_named() -> None:
    with pytest.raises(ModelFailed, match="the class 2, and its card has 2 labels"):
        candidates({**FOUND, "labels": torch.tensor([3, 1, 2])}, "none")
    with pytest.raises(ModelFailed, match="without scores"):
        candidates({"boxes": BOXES, "labels": FOUND["labels"]}, "none")
