"""Where to cut a detector's scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou

from brightfield.tasks.objects.suppression import Detections

_CUTS = np.arange(0.05, 0.95, 0.01)


class Curve(NamedTuple):
    """One class over all images: every detection's score, whether it hits, and how many objects
    there are."""

    scores: NDArray[np.float32]
    hits: NDArray[np.bool_]
    objects: int

    def f1(self, cut: float) -> float:
        """2 hits / (detections + objects), of the detections that score at least `cut`."""
        shown = self.scores >= cut
        return float(2 * self.hits[shown].sum() / max(1, shown.sum() + self.objects))


def best_f1_threshold(
    found: Sequence[Detections],
    boxes: Sequence[NDArray[np.float32]],
    classes: Sequence[NDArray[np.int64]],
    *,
    iou: float = 0.5,
) -> float:
    """The score in 0.05, 0.06, ..., 0.94 with the best F1, a mean over the classes that occur."""
    images = list(zip(found, boxes, classes, strict=True))
    kinds = np.unique(np.concatenate(list(classes)))
    curves = [_curve(images, int(kind), iou) for kind in kinds]
    means = [np.mean([curve.f1(cut) for curve in curves]) for cut in _CUTS]
    return float(_CUTS[int(np.argmax(means))])


def _curve(
    images: Iterable[tuple[Detections, NDArray[np.float32], NDArray[np.int64]]],
    kind: int,
    iou: float,
) -> Curve:
    scores, hits, objects = [], [], 0
    for found, boxes, classes in images:
        own, truth = found.class_ids == kind, boxes[classes == kind]
        scores.append(found.scores[own])
        hits.append(matched(found.boxes[own], truth, iou))
        objects += len(truth)
    return Curve(np.concatenate(scores), np.concatenate(hits), objects)


def matched(
    boxes: NDArray[np.float32], truth: NDArray[np.float32], iou: float
) -> NDArray[np.bool_]:
    """(n,) whether each box, best first, finds a free object that it overlaps by at least `iou`.

    As in COCO's evaluation, a box takes the free object that it overlaps most.
    """
    hits = np.zeros(len(boxes), bool)
    if not len(truth):
        return hits
    overlap = box_iou(torch.from_numpy(boxes), torch.from_numpy(truth)).numpy()
    for row in range(len(boxes)):
        column = int(overlap[row].argmax())
        if overlap[row, column] >= iou:
            hits[row] = True
            overlap[:, column] = -1
    return hits
