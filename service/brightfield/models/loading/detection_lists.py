"""Finished detections as candidates: of code that answers with boxes, scores and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.outages import ModelFailed

_ABSENT = -1e4  # a logit whose probability is 0
_SURE = 1e-6
# The side of masks that are cut out of maps over the whole image.
_MASK = 112


def read_detection_lists(module: nn.Module, card: ModelCard) -> None:
    """Let a network give `Candidates` that answers as torchvision's detectors do: with a list of a
    dict for each image, of `boxes` (n, 4), `labels` (n,) from 1, `scores` (n,) from 0 to 1 and
    maybe `masks` (n, 1, H, W) from 0 to 1.

    The scores come out as they are, whatever the card's activation.
    """

    def read(_: nn.Module, __: Any, output: Any) -> Any:
        if not _is_list(output):
            return output
        return stacked([_of_image(found, card) for found in output], card)

    module.register_forward_hook(read)


def detections(boxes: Tensor, scores: Tensor, classes: Tensor, card: ModelCard) -> Candidates:
    """One image's candidates, which have exactly these scores under the card's activation.

    `boxes` (n, 4), `scores` (n,) from 0 to 1, `classes` (n,) from 0.

    Raises `ModelFailed` for a class that the card has no label for.
    """
    count, rows = len(card.label_names), torch.arange(len(boxes))
    wrong = classes[(classes < 0) | (classes >= count)]
    if len(wrong):
        raise ModelFailed(
            f"The model {card.id} puts out the class {int(wrong[0])}, and its card has {count} "
            "labels; classes count from 0, those of torchvision's detectors from 1."
        )
    likely = scores.float().clamp(_SURE, 1 - _SURE)
    logits = _nothing(len(boxes), card).to(boxes.device)
    match card.output.activation:
        case "softmax":
            logits[:, 0] = (1 - likely).log()
            logits[rows, classes + 1] = likely.log()
        case "sigmoid":
            logits[rows, classes] = likely.logit()
        case _:
            logits[rows, classes] = scores.float()
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return Candidates(boxes[None], logits[None], centres[None], None, classes[None])


def stacked(images: Sequence[Candidates], card: ModelCard) -> Candidates:
    """The candidates of several images as a batch; rows that stand for nothing fill them up."""
    most = max(found.boxes.shape[1] for found in images)
    filled = [_filled(found, most, card) for found in images]
    boxes, logits, points, *others = map(_joined, zip(*filled, strict=True))
    assert boxes is not None and logits is not None and points is not None
    return Candidates(boxes, logits, points, *others)


def _joined(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def _filled(found: Candidates, most: int, card: ModelCard) -> Candidates:
    lacking = most - found.boxes.shape[1]

    def more(values: Tensor, filler: float) -> Tensor:
        rest = values.new_full((1, lacking, *values.shape[2:]), filler)
        return torch.cat([values, rest], dim=1)

    nothing = _nothing(lacking, card).to(found.logits)[None]
    return Candidates(
        more(found.boxes, 0),
        torch.cat([found.logits, nothing], dim=1),
        more(found.points, torch.nan),
        None if found.masks is None else more(found.masks, _ABSENT),
        None if found.classes is None else more(found.classes, 0),
        found.full,
    )


def _nothing(rows: int, card: ModelCard) -> Tensor:
    """(rows, K) of scores 0 under the card's activation; (rows, K + 1) for a softmax."""
    count = len(card.label_names)
    match card.output.activation:
        case "softmax":
            logits = torch.full((rows, count + 1), _ABSENT)
            logits[:, 0] = 0
            return logits
        case "sigmoid":
            return torch.full((rows, count), _ABSENT)
        case _:
            return torch.zeros((rows, count))


def _is_list(output: Any) -> bool:
    return (
        isinstance(output, list | tuple)
        and len(output) > 0
        and all(isinstance(each, Mapping) and "boxes" in each for each in output)
    )


def _of_image(found: Mapping[str, Tensor], card: ModelCard) -> Candidates:
    missing = [name for name in ("labels", "scores") if name not in found]
    if missing:
        raise ModelFailed(
            f"The model {card.id} puts out boxes without {' and '.join(missing)}; each image needs "
            "a dict of boxes, labels and scores."
        )
    boxes = found["boxes"].float()
    candidates = detections(boxes, found["scores"], found["labels"].long() - 1, card)
    masks = found.get("masks")
    if masks is None:
        return candidates
    maps = masks.float().reshape(len(boxes), 1, *masks.shape[-2:])
    rows = torch.arange(len(boxes), device=boxes.device)[:, None].to(boxes)
    from torchvision.ops import roi_align  # which others than detectors do without

    cut = roi_align(maps, torch.cat([rows, boxes], dim=1), _MASK, aligned=True)
    return candidates._replace(masks=cut.clamp(_SURE, 1 - _SURE).logit()[None])
