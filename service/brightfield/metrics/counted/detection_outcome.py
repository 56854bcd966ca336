"""What became of each detection and object at one threshold of IoU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from brightfield.metrics.counted.coco_matches import ImageCategory, partners
from brightfield.metrics.reading.coco import CocoDataset


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A detection and the object that it hits, as places in the scene's lists."""

    found: int
    true: int
    iou: float


@dataclass(frozen=True, eq=False)
class DetectionOutcome:
    """Pairs, false detections and objects without one, of all detections whose score reaches
    `least`: no limit cuts any off. Crowds, and detections in them, are in none of the three."""

    iou: float
    least: float
    pairs: tuple[FoundPair, ...]
    false: tuple[int, ...]
    undetected: tuple[int, ...]

    @classmethod
    def of(
        cls, scene: CocoDataset, found: Sequence[ImageCategory], iou: float, threshold: float | None
    ) -> DetectionOutcome:
        """Match at one IoU; None is no threshold of the score."""
        least = -np.inf if threshold is None else threshold
        pairs, false, undetected = [], [], []
        for cell in found:
            own, alone = _of_cell(scene, cell, iou, least)
            pairs += [pair for pair in own if not scene.true[pair.true].crowd]
            false += alone
            hit = {pair.true for pair in own}
            undetected += [p for p in cell.true if p not in hit and not scene.true[p].crowd]
        return cls(iou, least, tuple(pairs), tuple(false), tuple(undetected))


def _of_cell(
    scene: CocoDataset, cell: ImageCategory, iou: float, least: float
) -> tuple[list[FoundPair], list[int]]:
    """All pairs, those with crowds as well, and the detections without an object."""
    count = sum(scene.found[place].score >= least for place in cell.found)
    crowd = [scene.true[place].crowd for place in cell.true]
    hits = cell.hits[:count]
    chosen = partners(hits, crowd, crowd, iou).tolist()
    pairs = list(_pairs(cell, chosen))
    return pairs, [cell.found[place] for place, true in enumerate(chosen) if true < 0]


def _pairs(cell: ImageCategory, chosen: Sequence[int]) -> Iterator[FoundPair]:
    for place, true in enumerate(chosen):
        if true >= 0:
            yield FoundPair(cell.found[place], cell.true[true], dict(cell.hits[place])[true])
