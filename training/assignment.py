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

from brightfield.models.candidates import Candidates


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


def assign(
    candidates: Candidates, objects: Objects, *, best: int = 10, alpha: float = 0.5, beta: float = 6
) -> Assignment:
    """Task-aligned assignment of every candidate to at most one object.

    alignment = score^alpha IoU^beta, with the score of the object's class. An object takes the
    `best` candidates in alignment whose points lie in its box; a candidate that several objects
    take goes to the one that it overlaps most. The target is alignment / (object's greatest
    alignment) * (object's greatest IoU), among the candidates that the object takes.
    """
    found = [
        _assign_one(*image, best=best, alpha=alpha, beta=beta)
        for image in zip(
            candidates.boxes.detach(),
            candidates.logits.detach().sigmoid(),
            candidates.points,
            *objects,
            strict=True,
        )
    ]
    return Assignment(*(torch.stack(part) for part in zip(*found, strict=True)))


def _assign_one(
    boxes: Tensor,
    scores: Tensor,
    points: Tensor,
    wanted: Tensor,
    classes: Tensor,
    present: Tensor,
    *,
    best: int,
    alpha: float,
    beta: float,
) -> tuple[Tensor, Tensor]:
    """One image: (N, 4), (N, K), (N, 2), (M, 4), (M,), (M,) to (N, K) and (N,)."""
    targets = torch.zeros_like(scores)
    indices = torch.full((len(boxes),), -1, device=boxes.device)
    rows = present.nonzero()[:, 0]
    if not len(rows):
        return targets, indices
    overlap = box_iou(wanted[rows], boxes)  # (m, N)
    alignment = scores.T[classes[rows]] ** alpha * overlap**beta
    taken = _taken(alignment, _inside(points, wanted[rows]), best)
    alignment, overlap = alignment * taken, overlap * taken
    owner = (overlap + taken).argmax(dim=0)  # the object that a candidate overlaps most
    owned = taken & (owner == torch.arange(len(rows), device=boxes.device)[:, None])
    alignment, overlap = alignment * owned, overlap * owned
    peak = alignment.amax(dim=1, keepdim=True).clamp(min=1e-9)
    quality = (alignment / peak * overlap.amax(dim=1, keepdim=True)).amax(dim=0)
    learners = owned.any(dim=0).nonzero()[:, 0]
    indices[learners] = rows[owner[learners]]
    targets[learners, classes[indices[learners]]] = quality[learners]
    return targets, indices


def _taken(alignment: Tensor, inside: Tensor, best: int) -> Tensor:
    """(m, N) whether a candidate is among the best of those inside the object."""
    ranked = torch.where(inside, alignment, -1.0)
    values, columns = ranked.topk(min(best, ranked.shape[1]), dim=1)
    return torch.zeros_like(inside).scatter_(1, columns, values >= 0)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """(m, N) whether a point lies strictly within a box."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return ((points > low) & (points < high)).all(dim=-1)
