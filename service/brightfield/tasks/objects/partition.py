"""From maps or masks to a partition of the pixels: each belongs to one class or object, or none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.cards import OutputSpec
from brightfield.images.labels import Labels
from brightfield.images.picture import Region
from brightfield.models.architecture import Candidates
from brightfield.tasks.objects.instances import components, instances
from brightfield.tasks.objects.maps import Maps
from brightfield.tasks.objects.suppression import Detections


@dataclass(frozen=True, slots=True)
class Partition:
    """`labels` (H, W): 0, or k on the pixels of part k; its class and score are at k - 1.

    A part of no pixels has been covered or left out.
    """

    labels: Labels
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float64]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Partition:
        return cls(np.zeros(shape, np.int32), np.zeros(0, np.int64), np.zeros(0))

    def of_classes(self, wanted: Collection[int] | None) -> Partition:
        """Only the parts of these classes; None: all."""
        if wanted is None:
            return self
        return self._keeping(np.isin(self.class_ids, list(wanted)))

    def at_least(self, area: int) -> Partition:
        """Only the parts of at least so many pixels, numbered anew without gaps."""
        areas = np.bincount(self.labels.reshape(-1), minlength=len(self.class_ids) + 1)[1:]
        kept = areas >= max(1, area)
        if kept.all():
            return self
        numbers = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)]).astype(np.int32)
        return Partition(numbers[self.labels], self.class_ids[kept], self.scores[kept])

    def merged(self) -> Partition:
        """The parts of a class as one, numbered class id + 1, with the mean of their scores."""
        classes = int(self.class_ids.max(initial=-1)) + 1
        numbers = np.concatenate([[0], self.class_ids + 1]).astype(np.int32)
        count = np.bincount(self.class_ids, minlength=classes)
        total = np.bincount(self.class_ids, self.scores, minlength=classes)
        return Partition(numbers[self.labels], np.arange(classes), total / np.maximum(count, 1))

    def _keeping(self, kept: NDArray[np.bool_]) -> Partition:
        numbers = np.arange(len(kept) + 1, dtype=np.int32)
        numbers[1:][~kept] = 0
        return Partition(numbers[self.labels], self.class_ids, self.scores)


def by_class(probabilities: Maps, threshold: float, softmax: bool) -> Partition:
    """Every pixel's most probable class; part k is the class k - 1.

    Pixels whose best class has less than `threshold`, and with `softmax` (where the first map is
    the background's) those of the background, belong to none. The score of a class is the mean of
    its probability over its pixels.
    """
    best = np.argmax(probabilities, axis=0).astype(np.int32)
    score = np.take_along_axis(probabilities, best[None], axis=0)[0]
    labels = np.where(score >= threshold, best + (0 if softmax else 1), 0).astype(np.int32)
    count = len(probabilities) - softmax
    return Partition(labels, np.arange(count), _means(labels, score, count))


def by_object(maps: Maps, output: OutputSpec, threshold: float, classes: int) -> Partition:
    """The objects: by the card's instance step, else the connected parts of each class."""
    softmax = output.activation == "softmax"
    if output.instances is not None:
        labels, scores = instances(maps, output.instances, threshold=threshold)
        return Partition(labels, np.zeros(len(scores), np.int64), scores)
    regions = by_class(maps[:classes], threshold, softmax)
    labels, values = components(regions.labels)
    score = maps[:classes].max(axis=0)
    return Partition(labels, values.astype(np.int64) - 1, _means(labels, score, len(values)))


def from_masks(found: Detections, candidates: Candidates, region: Region) -> Partition:
    """Objects with masks laid over their boxes (in image pixels); a better one covers a worse.

    A mask is enlarged to its box bilinearly and cut at a probability of 0.5, as in torchvision's
    Mask R-CNN.
    """
    labels = np.zeros((region.height, region.width), np.int32)
    assert candidates.masks is not None
    for number in range(len(found), 0, -1):
        place = number - 1
        masks = candidates.masks[0, int(found.index[place])]
        single = masks[int(found.class_ids[place]) if len(masks) > 1 else 0].float().sigmoid()
        _paste(labels, number, single, found.boxes[place], region)
    return Partition(labels, found.class_ids, found.scores.astype(np.float64))


def _paste(
    labels: Labels, number: int, mask: torch.Tensor, box: NDArray[np.float32], region: Region
) -> None:
    """Write `number` where the mask over the box is set, in a window just around it."""
    from torchvision.models.detection import roi_heads  # which others than detectors do without

    wide, padding = roi_heads.expand_masks(mask[None, None], 1)
    # Whole pixels of the image first, so that a region is a part of the whole image's answer.
    corners = roi_heads.expand_boxes(torch.from_numpy(box)[None], padding)[0].to(torch.int64)
    corners = corners - torch.tensor([region.x, region.y] * 2)
    left, top = (max(0, int(edge)) for edge in corners[:2])
    height = min(labels.shape[0], int(corners[3]) + 1) - top
    width = min(labels.shape[1], int(corners[2]) + 1) - left
    if height <= 0 or width <= 0:
        return
    window = corners - torch.tensor([left, top] * 2)
    pasted = roi_heads.paste_mask_in_image(wide[0, 0], window, height, width)
    view = labels[top : top + height, left : left + width]
    view[pasted.numpy() >= 0.5] = number


def _means(labels: Labels, score: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """The mean score over the pixels of each of `count` parts; 0 for one without pixels."""
    flat = labels.reshape(-1)
    areas = np.bincount(flat, minlength=count + 1)[1:]
    total = np.bincount(flat, score.reshape(-1), minlength=count + 1)[1:]
    means: NDArray[np.float64] = total / np.maximum(areas, 1)
    return means
