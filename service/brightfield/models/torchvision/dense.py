"""torchvision's RetinaNet, FCOS and SSD, which look everywhere at once, as modules.

Sources: Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017;
Tian, Shen, Chen and He, "FCOS: a simple and strong anchor-free object detector", TPAMI 2022; Liu
et al., "SSD: single shot multibox detector", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.ops import clip_boxes_to_image

from brightfield.models.architecture import Candidates
from brightfield.models.torchvision.detection import ClassColumns, Forgetful, centres, padded


class DenseDetector(nn.Module):
    """(B, 3, H, W) normalised images to `Candidates`: the best anchors of each level.

    These are the `topk_candidates` (1,000) anchors of a level with the highest logit of any class;
    among them are the pairs of anchor and class that torchvision would take. N depends on the
    size of the images alone. Points are the anchors' centres.
    """

    _multiple = 32
    """torchvision pads both sides up to this."""

    def __init__(self, model: RetinaNet | FCOS | SSD, columns: Sequence[int] | None) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head
        self.anchor_generator = Forgetful(model.anchor_generator)
        self.columns = ClassColumns(_width(model), columns)
        self._coder, self._top = model.box_coder, model.topk_candidates

    def forward(self, images: Tensor) -> Candidates:
        inputs = padded(images, self._multiple)
        features = list(self.backbone(inputs.tensors).values())
        found = self.head(features)
        anchors = self.anchor_generator(ImageList(inputs.tensors, inputs.image_sizes[:1]), features)
        logits, deltas = self._logits(found), found["bbox_regression"]
        rows = self._best(logits, [maps.shape[-2:].numel() for maps in features])
        chosen = anchors[0][rows]
        boxes = self._boxes(_taken(deltas, rows).flatten(0, 1), chosen.flatten(0, 1))
        boxes = clip_boxes_to_image(boxes.reshape(chosen.shape), inputs.image_sizes[0])
        return Candidates(boxes, _taken(logits, rows), centres(chosen))

    def _logits(self, found: Mapping[str, Tensor]) -> Tensor:
        """(B, anchors, K): RetinaNet's classes are independent of each other."""
        return self.columns.independent(found["cls_logits"])

    def _boxes(self, deltas: Tensor, anchors: Tensor) -> Tensor:
        boxes: Tensor = self._coder.decode_single(deltas, anchors)
        return boxes

    def _best(self, logits: Tensor, places: Sequence[int]) -> Tensor:
        """(B, N) anchors, the best of each level by their best class."""
        per_place = logits.shape[1] // sum(places)
        best, start = logits.detach().amax(-1), 0
        rows = []
        for place in places:
            level = best[:, start : start + place * per_place]
            rows.append(level.topk(min(self._top, level.shape[1])).indices + start)
            start += level.shape[1]
        return torch.cat(rows, dim=1)


class CentrenessDetector(DenseDetector):
    """FCOS, whose score weighs a class with how near a place is to the object's centre."""

    def _logits(self, found: Mapping[str, Tensor]) -> Tensor:
        classes = self.columns.independent(found["cls_logits"])
        return weighed_logits(classes, found["bbox_ctrness"])

    def _boxes(self, deltas: Tensor, anchors: Tensor) -> Tensor:
        boxes: Tensor = self._coder.decode(deltas, anchors)
        return boxes


def weighed_logits(classes: Tensor, centreness: Tensor) -> Tensor:
    """The logit of FCOS's score sqrt(sigmoid(classes) sigmoid(centreness)).

    With m = (log sigmoid(classes) + log sigmoid(centreness)) / 2 the score is exp(m) and its logit
    m - log(1 - exp(m)); of a score that rounds to 1 the largest that floats can tell.
    """
    mean = (functional.logsigmoid(classes) + functional.logsigmoid(centreness)) / 2
    mean = mean.clamp(max=-torch.finfo(mean.dtype).tiny)
    return mean - torch.log(-torch.expm1(mean))


class DefaultBoxDetector(DenseDetector):
    """SSD, whose classes exclude each other, at the one size that it was trained for.

    All its default boxes (8,732 for SSD300) are candidates, since torchvision takes the best of
    each class.
    """

    _multiple = 1

    def _logits(self, found: Mapping[str, Tensor]) -> Tensor:
        return self.columns.exclusive(found["cls_logits"])

    def _best(self, logits: Tensor, places: Sequence[int]) -> Tensor:
        return torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)


def _width(model: RetinaNet | FCOS | SSD) -> int:
    head = model.head.classification_head
    return int(head.num_columns if isinstance(model, SSD) else head.num_classes)


def _taken(values: Tensor, rows: Tensor) -> Tensor:
    """(B, anchors, D) at (B, N) as (B, N, D)."""
    return values.gather(1, rows[..., None].expand(-1, -1, values.shape[-1]))
