"""Agreement of a detector's candidates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.models.architecture import Candidates
from brightfield.models.examination.gaps import Gap
from brightfield.tasks.closeness.overlap import least_overlap
from brightfield.tasks.objects.suppression import class_scores

_THRESHOLD = 0.5
# Most pixels of the model's input that an edge of a likely box may move.
_EDGE = 0.5
# Least intersection over union of a likely candidate's mask.
_OVERLAP = 0.99


def compared_candidates(expected: Candidates, found: Candidates, card: ModelCard) -> Sequence[Gap]:
    """The largest difference of a score, of a likely box's edges, and the least overlap of a likely
    candidate's masks. Likely are those that either output gives the card's threshold.

    The candidates are the same in their order, as those of a grid are.
    """
    images = range(len(expected.logits))
    return [
        gap
        for image in images
        for gap in _of_image(_only(expected, image), _only(found, image), card)
    ]


def _of_image(expected: Candidates, found: Candidates, card: ModelCard) -> Sequence[Gap]:
    one, other = (class_scores(each, card.output.activation) for each in (expected, found))
    threshold = _THRESHOLD if card.output.threshold is None else card.output.threshold
    likely = torch.maximum(one, other).amax(1) >= threshold
    edges = (expected.boxes[0][likely] - found.boxes[0][likely]).abs()
    gaps = [
        Gap(
            "largest difference of a score", _largest((one - other).abs()), card.inference.tolerance
        ),
        Gap("largest move of a box's edge, in pixels", _largest(edges), _EDGE),
    ]
    if expected.masks is not None and found.masks is not None:
        masks = [
            each.masks[0][likely].flatten(0, -3) > 0
            for each in (expected, found)
            if each.masks is not None
        ]
        overlap = least_overlap(masks[0], masks[1])
        gaps.append(Gap("least overlap of masks", overlap, _OVERLAP, at_least=True))
    return gaps


def _largest(values: Tensor) -> float:
    return float(values.max()) if values.numel() else 0.0


def _only(candidates: Candidates, image: int) -> Candidates:
    parts = (None if part is None else part[image : image + 1] for part in candidates)
    return Candidates(*parts)  # type: ignore[arg-type]
