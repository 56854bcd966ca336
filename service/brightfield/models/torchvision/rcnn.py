"""torchvision's Faster and Mask R-CNN as modules from images to candidates.

Sources: Ren, He, Girshick and Sun, "Faster R-CNN", NeurIPS 2015; He, Gkioxari, Dollar and
Girshick, "Mask R-CNN", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from brightfield.models.architecture import Candidates
from brightfield.models.torchvision.detection import ClassColumns, Forgetful, centres, padded

_ABSENT = -1e4  # a logit whose probability is 0, and that no half precision overflows at
_SMALLEST = 1e-2  # torchvision's shortest side of a detection, in pixels


class Rois(NamedTuple):
    """The regions of one image, as many as were proposed."""

    boxes: Tensor
    """(n, K, 4), a box for each class."""
    logits: Tensor
    """(n, K + 1), background first."""
    points: Tensor
    """(n, 2) centres of the proposals."""


class RegionDetector(nn.Module):
    """(B, 3, H, W) normalised images of any size to `Candidates` for a softmax.

    N is the largest number of proposals per image (`rpn_post_nms_top_n_test`, 1,000). Rows beyond
    those that were found have boxes of no extent, scores of exactly 0 and points of NaN, which lie
    in no tile. Faster R-CNN gives a box for each class, before any suppression.

    Mask R-CNN looks for masks only in what is left after suppression, with torchvision's own
    values (`box_score_thresh` 0.05, `box_nms_thresh` 0.5, `box_detections_per_img` 100, which is
    N): (B, N, 4) boxes, the `classes` that they stand for, and (B, N, 1, 28, 28) masks.

    The proposals are constants for gradients, as in training.
    """

    def __init__(self, model: GeneralizedRCNN, columns: Sequence[int] | None) -> None:
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = model.backbone, model.rpn, model.roi_heads
        width = self.roi_heads.box_predictor.cls_score.out_features
        self.columns = ClassColumns(width, columns)
        self.rpn.anchor_generator = Forgetful(self.rpn.anchor_generator)
        self.roi_heads.box_roi_pool = Forgetful(self.roi_heads.box_roi_pool)
        if self.roi_heads.has_mask():
            self.roi_heads.mask_roi_pool = Forgetful(self.roi_heads.mask_roi_pool)

    def forward(self, images: Tensor) -> Candidates:
        inputs = padded(images, 32)
        features = self.backbone(inputs.tensors)
        proposals, _ = self.rpn(inputs, features)
        rois = self._rois(features, proposals, inputs)
        if self.roi_heads.has_mask():
            return self._masked(features, rois, inputs)
        return _stacked(rois, self.rpn.post_nms_top_n())

    def _rois(
        self, features: Mapping[str, Tensor], proposals: list[Tensor], inputs: ImageList
    ) -> list[Rois]:
        heads = self.roi_heads
        pooled = heads.box_roi_pool(features, proposals, _sizes(inputs))
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        boxes = heads.box_coder.decode(deltas, proposals).reshape(*logits.shape, 4)
        boxes = clip_boxes_to_image(boxes[:, self.columns.columns], inputs.image_sizes[0])
        counts = [len(found) for found in proposals]
        points = [centres(found) for found in proposals]
        scored = torch.split(self.columns.exclusive(logits), counts)
        parts = zip(torch.split(boxes, counts), scored, points, strict=True)
        return [Rois(*part) for part in parts]

    def _masked(
        self, features: Mapping[str, Tensor], rois: list[Rois], inputs: ImageList
    ) -> Candidates:
        heads = self.roi_heads
        kept = [self._best(found) for found in rois]
        final = [
            Rois(found.boxes[rows, classes], found.logits[rows], found.points[rows])
            for found, (rows, classes) in zip(rois, kept, strict=True)
        ]
        pooled = heads.mask_roi_pool(features, [found.boxes for found in final], _sizes(inputs))
        masks = heads.mask_predictor(heads.mask_head(pooled))
        classes = [classes for _, classes in kept]
        own = self.columns.columns[torch.cat(classes)]
        masks = masks[torch.arange(len(masks), device=masks.device), own, None]
        split = torch.split(masks, [len(found) for found in classes])
        limit = heads.detections_per_img
        return _stacked(final, limit)._replace(
            masks=_even(split, masks.new_zeros(masks.shape[1:]), limit),
            classes=_even(classes, own.new_zeros(()), limit),
            full=torch.tensor([len(found) == limit for found in classes], device=own.device),
        )

    def _best(self, rois: Rois) -> tuple[Tensor, Tensor]:
        """Rows and classes after torchvision's suppression, the best score first."""
        heads = self.roi_heads
        scores = rois.logits.softmax(-1)[:, 1:]
        rows, classes = (scores > heads.score_thresh).nonzero(as_tuple=True)
        large = remove_small_boxes(rois.boxes[rows, classes], _SMALLEST)
        rows, classes = rows[large], classes[large]
        kept = batched_nms(
            rois.boxes[rows, classes], scores[rows, classes], classes, heads.nms_thresh
        )[: heads.detections_per_img]
        return rows[kept], classes[kept]


def _sizes(inputs: ImageList) -> list[tuple[int, int]]:
    """The padded sizes: only these are whole multiples of the feature maps' sizes."""
    height, width = inputs.tensors.shape[-2:]
    return [(height, width)] * len(inputs.tensors)


def _stacked(rois: Sequence[Rois], length: int) -> Candidates:
    boxes, logits, points = zip(*rois, strict=True)
    nothing = logits[0].new_full(logits[0].shape[1:], _ABSENT)
    nothing[0] = 0
    return Candidates(
        _even(boxes, boxes[0].new_zeros(boxes[0].shape[1:]), length),
        _even(logits, nothing, length),
        _even(points, points[0].new_full((2,), torch.nan), length),
    )


def _even(parts: Sequence[Tensor], filler: Tensor, length: int) -> Tensor:
    """(n, ...) parts of differing n, each followed by copies of the filler, as (B, length, ...)."""
    return torch.stack(
        [torch.cat([part, filler.expand(length - len(part), *filler.shape)]) for part in parts]
    )
