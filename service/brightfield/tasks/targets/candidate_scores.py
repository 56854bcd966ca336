"""Scores of one box and class in what a detector puts out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.targets import Kind

Place = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in pixels of the model's input."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A class at a box. Of every box only what lies within `bounds`, the part of the model's input
    that shows the image, counts."""

    card: ModelCard
    class_id: int
    box: Place
    bounds: Place

    def logits(self, found: Candidates) -> Tensor:
        """(B, N) of the class, before the activation; under softmax the background comes first."""
        return found.logits[..., self.class_id + (self._activation == "softmax")]

    def probabilities(self, found: Candidates) -> Tensor:
        """(B, N) of the class, as the card's activation gives them."""
        match self._activation:
            case "softmax":
                return found.logits.softmax(-1)[..., self.class_id + 1]
            case "sigmoid":
                return self.logits(found).sigmoid()
            case _:
                return self.logits(found)

    def overlaps(self, found: Candidates) -> Tensor:
        """(B, N): intersection over union with each candidate's box; 0 for candidates of another
        class and for boxes that are not finite."""
        boxes = found.boxes.detach()
        if boxes.dim() == 4:
            boxes = boxes[:, :, self.class_id]
        ious = overlaps(boxes, self.box, self.bounds)
        if found.classes is None:
            return ious
        return torch.where(found.classes == self.class_id, ious, 0.0)

    @property
    def _activation(self) -> str:
        return self.card.output.activation


def overlaps(boxes: Tensor, box: Place, bounds: Place) -> Tensor:
    """(...): intersection over union of boxes (..., 4) with one box, all cut at `bounds`."""
    low, high = boxes.new_tensor(bounds[:2]), boxes.new_tensor(bounds[2:])
    starts, ends = boxes[..., :2].clamp(low, high), boxes[..., 2:].clamp(low, high)
    start, end = boxes.new_tensor(box[:2]).clamp(low, high), boxes.new_tensor(box[2:])
    end = end.clamp(low, high)
    shared = (ends.minimum(end) - starts.maximum(start)).clamp(min=0).prod(-1)
    union = (ends - starts).prod(-1) + (end - start).prod(-1) - shared
    return (shared / union).nan_to_num(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateScore:
    """(B,): the class's logit, or probability, at the candidate that stands for the box.

    Of a model that looks at the same places in every image (its `points` are those of the whole
    image) that is always the candidate `row`. Of one that proposes places anew, it is the one whose
    box overlaps most.
    """

    spot: Spot
    kind: Kind
    row: int
    points: Tensor

    def __call__(self, found: Candidates) -> Tensor:
        spot = self.spot
        scores = spot.logits(found) if self.kind == "logit" else spot.probabilities(found)
        return scores.gather(1, self._rows(found)[:, None])[:, 0]

    def _rows(self, found: Candidates) -> Tensor:
        nearest = self.spot.overlaps(found).argmax(1)
        if found.points.shape[1] != self.points.shape[1]:
            return nearest
        fixed = (found.points == self.points.to(found.points)).flatten(1).all(1)
        return torch.where(fixed, self.row, nearest)


@dataclass(frozen=True, slots=True)
class Similarity:
    """(B,): max over all candidates of IoU(box, candidate's box) x the class's probability.

    In [0, 1] for probabilities: how nearly the model still finds the object. Source: Petsiuk et al.
    2021 (D-RISE), with the probability of one class in place of the similarity of all classes', and
    before suppression, which the maximum makes needless.
    """

    spot: Spot

    def __call__(self, found: Candidates) -> Tensor:
        similarity = self.spot.overlaps(found) * self.spot.probabilities(found)
        return similarity.nan_to_num(0.0).amax(1)
