"""From a detector's candidates to objects: thresholds, and one box per object.

Everything here is about one image (B = 1) on the CPU. A candidate may stand for several classes
at once: it takes part as one pair (candidate, class) for each class that it scores high enough
in, and pairs of different classes never suppress each other. These are the rules of torchvision's
detectors, so that their numbers are comparable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brightfield.models.architecture import Candidates

Activation = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True, slots=True)
class Detections:
    """n objects by descending score; boxes in pixels of the model's input, not clipped to it."""

    boxes: NDArray[np.float32]
    """(n, 4) xmin, ymin, xmax, ymax."""
    scores: NDArray[np.float32]
    """(n,) as the activation gives them."""
    class_ids: NDArray[np.int64]
    """(n,) from 0, background not counted."""
    index: NDArray[np.int64]
    """(n,) the candidate that each object comes from: its mask, its logits."""

    def __len__(self) -> int:
        return len(self.scores)


def suppress(
    candidates: Candidates,
    activation: Activation,
    *,
    threshold: float,
    iou: float,
    max_detections: int | None = None,
    classes: Collection[int] | None = None,
) -> Detections:
    """The objects among the candidates of one image.

    In this order: activation; pairs (candidate, class) with a score of at least `threshold`, of
    the wanted `classes` (None: all); greedy non-maximum suppression within each class, where a
    pair goes if its box overlaps a better one by more than `iou`; the best
    `max_detections` (None: all).
    Candidates whose box or score is not finite are left out. Ties keep the order of candidates.
    """
    scores = class_scores(candidates, activation)
    boxes, pairs = _pairs(candidates, scores, threshold, classes)
    rows, columns = pairs.unbind(1)
    chosen = scores[rows, columns]
    best = _suppressed(boxes, chosen, columns, iou)[:max_detections]
    return Detections(
        boxes[best].numpy(), chosen[best].numpy(), columns[best].numpy(), rows[best].numpy()
    )


def class_scores(candidates: Candidates, activation: Activation) -> Tensor:
    """(N, K) float32 scores of one image's candidates, without the background's.

    Under `softmax` the first logit is the background's and its score is dropped. Candidates that
    stand for one class only score 0 in all others.
    """
    logits = candidates.logits[0].float()
    match activation:
        case "softmax":
            scores = logits.softmax(dim=1)[:, 1:]
        case "sigmoid":
            scores = logits.sigmoid()
        case "none":
            scores = logits
    if candidates.classes is None:
        return scores
    own = torch.arange(scores.shape[1]) == candidates.classes[0][:, None]
    return torch.where(own, scores, 0.0)


def keep_likely(candidates: Candidates, activation: Activation, threshold: float) -> Candidates:
    """Only the candidates of one image that score at least `threshold` in some class.

    `suppress` with the same or a higher threshold gives the same objects; `index` then counts
    the candidates that were kept. So a large field's tiles cost little memory.
    """
    scores = class_scores(candidates, activation)
    return select(candidates, (scores >= threshold).any(dim=1))


def select(candidates: Candidates, which: Tensor) -> Candidates:
    """The candidates of one image that a mask (N,) or an index (n,) names."""
    masks, classes = candidates.masks, candidates.classes
    return Candidates(
        candidates.boxes[:, which],
        candidates.logits[:, which],
        candidates.points[:, which],
        None if masks is None else masks[:, which],
        None if classes is None else classes[:, which],
    )


def concatenate(tiles: Sequence[Candidates]) -> Candidates:
    """The candidates of several tiles as those of one image, in the order given.

    Boxes and points must be in the coordinates of the whole. Raises `ValueError` for no tiles.
    """
    if not tiles:
        raise ValueError("there are no candidates to concatenate")
    return Candidates(
        torch.cat([tile.boxes for tile in tiles], 1),
        torch.cat([tile.logits for tile in tiles], 1),
        torch.cat([tile.points for tile in tiles], 1),
        _joined([tile.masks for tile in tiles]),
        _joined([tile.classes for tile in tiles]),
    )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.cat(present, 1) if present else None


def _suppressed(boxes: Tensor, scores: Tensor, classes: Tensor, iou: float) -> Tensor:
    """The index of the boxes that stay, by descending score.

    torchvision keeps classes apart by moving each beyond the greatest coordinate, which needs
    coordinates from 0 on; boxes at the rim of an image reach below.
    """
    from torchvision.ops import batched_nms  # which others than detectors do without

    origin = boxes.amin(dim=0)[:2].repeat(2) if len(boxes) else boxes.new_zeros(4)
    best: Tensor = batched_nms(boxes - origin, scores, classes, iou)
    return best


def _pairs(
    candidates: Candidates, scores: Tensor, threshold: float, classes: Collection[int] | None
) -> tuple[Tensor, Tensor]:
    """Boxes (n, 4) and (candidate, class) (n, 2) of the pairs that compete."""
    wanted = scores >= threshold  # false for what is not a number
    if candidates.classes is not None:
        wanted &= torch.arange(scores.shape[1]) == candidates.classes[0][:, None]
    if classes is not None:
        chosen = torch.zeros(scores.shape[1], dtype=torch.bool)
        chosen[list(classes)] = True
        wanted &= chosen
    pairs = (wanted & scores.isfinite()).nonzero()
    boxes = candidates.boxes[0].float()
    boxes = boxes[pairs[:, 0]] if boxes.dim() == 2 else boxes[pairs[:, 0], pairs[:, 1]]
    finite = boxes.isfinite().all(dim=1)
    return boxes[finite], pairs[finite]
