"""Which candidates of a detector learn which objects.

Task-aligned assignment: an object is learned by the candidates that already describe it best in
class and place together, with a target score that grows with their overlap. So the scores come
to rank boxes by their quality, and no rule about sizes and levels is needed.

Source: Feng et al., "TOOD: task-aligned one-stage object detection", ICCV 2021.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou

from brightfield.models.architecture import Candidates


class Objects(NamedTuple):
    """The objects of B images, padded to as many as the fullest has."""

    boxes: Tensor
    """(B, M, 4) xmin, ymin, xmax, ymax."""
    classes: Tensor
    """(B, M)."""
    present: Tensor
    """(B, M) false for padding."""


class Assignment(NamedTuple):
    """What each of N candidates learns."""

    scores: Tensor
    """(B, N, K) target scores in [0, 1]; 0 everywhere for a candidate without an object."""
    objects: Tensor
    """(B, N) the index of a candidate's object; -1: none."""


class Rule(NamedTuple):
    """alignment = score^alpha IoU^beta, of which an object takes the `best` candidates."""

    best: int = 10
    alpha: float = 0.5
    beta: float = 6.0


_TOOD = Rule()


def assign(candidates: Candidates, objects: Objects, rule: Rule = _TOOD) -> Assignment:
    """Task-aligned assignment of every candidate to at most one object.

    An object looks at the candidates whose points lie in its box, at their scores in its class
    and at their overlaps with it, and takes the best in alignment; a candidate that several
    objects take goes to the one that it overlaps most. The target is alignment / (object's
    greatest alignment) * (object's greatest IoU), among the candidates that the object keeps.
    """
    scores = candidates.logits.detach().sigmoid()
    found = []
    for image, boxes in enumerate(candidates.boxes.detach()):
        rows = objects.present[image].nonzero()[:, 0]
        wanted = Objects(*(part[image, rows] for part in objects))
        targets, owner = _assign_one(boxes, scores[image], candidates.points[image], wanted, rule)
        found.append((targets, torch.where(owner >= 0, rows[owner], -1) if len(rows) else owner))
    return Assignment(*(torch.stack(part) for part in zip(*found, strict=True)))


def _assign_one(
    boxes: Tensor, scores: Tensor, points: Tensor, objects: Objects, rule: Rule
) -> tuple[Tensor, Tensor]:
    """One image with m objects, none of them padding: targets (N, K) and objects (N,)."""
    targets = torch.zeros_like(scores)
    owner = torch.full((len(boxes),), -1, device=boxes.device)
    if not len(objects.boxes):
        return targets, owner
    overlap = box_iou(objects.boxes, boxes)  # (m, N)
    alignment = scores.T[objects.classes] ** rule.alpha * overlap**rule.beta
    taken = _taken(alignment, _inside(points, objects.boxes), rule.best)
    nearest = (overlap * taken + taken).argmax(dim=0)
    rows = torch.arange(len(objects.boxes), device=boxes.device)[:, None]
    kept = taken & (nearest == rows)
    alignment, overlap = alignment * kept, overlap * kept
    peak = alignment.amax(dim=1, keepdim=True).clamp(min=1e-9)
    quality = (alignment / peak * overlap.amax(dim=1, keepdim=True)).amax(dim=0)
    learners = kept.any(dim=0).nonzero()[:, 0]
    owner[learners] = nearest[learners]
    targets[learners, objects.classes[nearest[learners]]] = quality[learners]
    return targets, owner


def _taken(alignment: Tensor, inside: Tensor, best: int) -> Tensor:
    """(m, N) whether a candidate is among the object's best of those inside it."""
    ranked = torch.where(inside, alignment, -1.0)
    values, columns = ranked.topk(min(best, ranked.shape[1]), dim=1)
    return torch.zeros_like(inside).scatter_(1, columns, values >= 0)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """(m, N) whether a point lies strictly within a box."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return ((points > low) & (points < high)).all(dim=-1)
