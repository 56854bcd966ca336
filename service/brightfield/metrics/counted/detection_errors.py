"""What goes wrong with detections: the kinds of error, and which class is taken for which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.coco_overlaps import overlaps
from brightfield.metrics.counted.detection_outcome import DetectionOutcome, FoundPair
from brightfield.metrics.reading.coco import CocoDataset, CocoObject
from brightfield.progress import Progress

ErrorKind = Literal["classification", "localization", "both", "duplicate", "background"]

ERROR_KINDS: tuple[ErrorKind, ...] = (
    "classification",
    "localization",
    "both",
    "duplicate",
    "background",
)
BACKGROUND = 0.1

Near = dict[int, list[tuple[int, float]]]
"""For each false detection the objects of its image, of any class, that it overlaps (IoU)."""


@dataclass(frozen=True, eq=False)
class DetectionErrors:
    """False detections and missed objects by kind, and per image; `confused` are false detections
    with an object of another class that no other detection has."""

    outcome: DetectionOutcome
    background: float
    kinds: dict[ErrorKind, int]
    missed: int
    confused: tuple[FoundPair, ...]
    false_by_image: NDArray[np.int64]
    undetected_by_image: NDArray[np.int64]

    def json(self) -> dict[str, Any]:
        outcome = self.outcome
        return {
            "iou": outcome.iou,
            "background_iou": self.background,
            "detections": len(outcome.pairs) + len(outcome.false),
            "true_positives": len(outcome.pairs),
            "undetected": len(outcome.undetected),
            "counts": {**self.kinds, "missed": self.missed},
        }

    def counts(self, scene: CocoDataset) -> NDArray[np.int64]:
        """(k + 1, k + 1) objects by their class in rows and by that of their detection in columns;
        the last row is of detections without an object, the last column of objects without one."""
        k = len(scene.categories)
        table = np.zeros((k + 1, k + 1), np.int64)
        both = [*self.outcome.pairs, *self.confused]
        found, true = {pair.found for pair in both}, {pair.true for pair in both}
        for pair in both:
            table[scene.true[pair.true].category, scene.found[pair.found].category] += 1
        for place in self.outcome.undetected:
            table[scene.true[place].category, k] += place not in true
        for place in self.outcome.false:
            table[k, scene.found[place].category] += place not in found
        return table


def errors(
    scene: CocoDataset, outcome: DetectionOutcome, progress: Progress, *, class_agnostic: bool
) -> DetectionErrors:
    """The kinds of the false detections. One is, with its greatest IoU with an object of its
    category and of another, and t the IoU that the outcome is at:

        duplicate        >= t with one of its category (which a better detection has)
        classification   >= t with one of another
        localization     >= 0.1 with one of its category
        both             >= 0.1 with one of another
        background       less

    the first that holds. `missed` are undetected objects that no wrongly classified or localised
    detection touches so. Crowds do not count. Without classes all are of one category. Source:
    Bolya et al., "TIDE: a general toolbox for identifying object detection errors", ECCV 2020.
    """
    background = min(BACKGROUND, outcome.iou)
    near = _near(scene, outcome, background, progress)
    kinds, touched = dict.fromkeys(ERROR_KINDS, 0), set()
    for place in outcome.false:
        own, other = _greatest(scene, place, near[place], class_agnostic)
        kind, of = _kind(own, other, outcome.iou, background)
        kinds[kind] += 1
        if kind in ("classification", "localization"):
            touched.add(of)
    return DetectionErrors(
        outcome,
        background,
        kinds,
        len(set(outcome.undetected) - touched),
        _confused(scene, outcome, near),
        _counts(outcome.false, scene.found, len(scene.images)),
        _counts(outcome.undetected, scene.true, len(scene.images)),
    )


Best = tuple[float, int]
"""The greatest IoU, and with which object; -1 for none."""


def _greatest(
    scene: CocoDataset, place: int, near: Sequence[tuple[int, float]], class_agnostic: bool
) -> tuple[Best, Best]:
    """Among the objects of the detection's category, and among the others."""
    category = scene.found[place].category
    found: list[Best] = [(-1.0, -1), (-1.0, -1)]
    for true, iou in near:
        side = int(not class_agnostic and scene.true[true].category != category)
        if iou > found[side][0]:
            found[side] = (iou, true)
    return found[0], found[1]


def _kind(own: Best, other: Best, foreground: float, background: float) -> tuple[ErrorKind, int]:
    """The kind of error, and the object that it concerns (-1: none)."""
    rules: tuple[tuple[ErrorKind, Best, float], ...] = (
        ("duplicate", own, foreground),
        ("classification", other, foreground),
        ("localization", own, background),
        ("both", other, background),
    )
    for kind, (iou, of), least in rules:
        if iou >= least:
            return kind, of
    return "background", -1


def _near(scene: CocoDataset, outcome: DetectionOutcome, least: float, progress: Progress) -> Near:
    """Found image by image."""
    by_image: dict[int, list[int]] = defaultdict(list)
    for place, thing in enumerate(scene.true):
        if not thing.crowd:
            by_image[thing.image].append(place)
    false: dict[int, list[int]] = defaultdict(list)
    for place in outcome.false:
        false[scene.found[place].image].append(place)
    near: Near = {}
    for image, places in false.items():
        true = by_image[image]
        things = [scene.found[place] for place in places], [scene.true[place] for place in true]
        for place, hits in zip(places, overlaps(*things, least, progress), strict=True):
            near[place] = [(true[number], iou) for number, iou in hits]
    return near


def _confused(scene: CocoDataset, outcome: DetectionOutcome, near: Near) -> tuple[FoundPair, ...]:
    """Each false detection, the best first, with the object of another class that it overlaps most
    of those that are left."""
    left = set(outcome.undetected)
    pairs = []
    for place in sorted(outcome.false, key=lambda place: (-scene.found[place].score, place)):
        free = [(iou, -true) for true, iou in near[place] if iou >= outcome.iou and true in left]
        if free:
            iou, true = max(free)
            left.remove(-true)
            pairs.append(FoundPair(place, -true, iou))
    return tuple(pairs)


def _counts(places: Sequence[int], things: Sequence[CocoObject], images: int) -> NDArray[np.int64]:
    of_image = np.array([things[place].image for place in places], np.int64)
    return np.bincount(of_image, minlength=images)
