"""The losses of a detector whose class scores are trained to be overlaps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss

from brightfield.models.architecture import Candidates
from training.assignment import Assignment, Objects


def varifocal(logits: Tensor, targets: Tensor, *, alpha: float = 0.75, gamma: float = 2) -> Tensor:
    """Binary cross-entropy with soft targets q, summed; weighed so that objects count most.

    q > 0: q BCE(p, q); q = 0: alpha p^gamma BCE(p, 0), with p = sigmoid(logit). Easy background
    fades out, and a candidate counts as much as its box is good.

    Source: Zhang et al., "VarifocalNet", CVPR 2021.
    """
    background = alpha * logits.detach().sigmoid() ** gamma
    weights = torch.where(targets > 0, targets, background)
    return functional.binary_cross_entropy_with_logits(logits, targets, weights, reduction="sum")


def detection_losses(
    candidates: Candidates, objects: Objects, assignment: Assignment
) -> dict[str, Tensor]:
    """`classes` (varifocal) and `boxes` (complete IoU), both per unit of target score.

    A box's loss is weighed by its target score. Without any object both are finite.

    Source of the box loss: Zheng et al., "Distance-IoU loss", AAAI 2020.
    """
    total = assignment.scores.sum().clamp(min=1.0)
    learners = assignment.objects >= 0
    image = learners.nonzero()[:, 0]
    wanted = objects.boxes[image, assignment.objects[learners]]
    weights = assignment.scores.sum(dim=-1)[learners]
    misplaced = complete_box_iou_loss(candidates.boxes[learners], wanted)
    return {
        "classes": varifocal(candidates.logits, assignment.scores) / total,
        "boxes": (misplaced * weights).sum() / total,
    }
