"""What goes wrong with detections: the kinds of error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from brightfield.metrics.counted.coco_matches import Matched
from brightfield.metrics.reading.coco import CocoDataset, CocoObject, IouType

ErrorKind = Literal["classification", "localization", "both", "duplicate", "background"]

ERROR_KINDS: tuple[ErrorKind, ...] = (
    "classification",
    "localization",
    "both",
    "duplicate",
    "background",
)
FOREGROUND, BACKGROUND = 0.5, 0.1


@dataclass(frozen=True, eq=False)
class DetectionErrors:
    """False detections and missed objects at IoU 0.5, by kind, and per image."""

    kinds: dict[ErrorKind, int]
    true_positives: int
    undetected: int
    missed: int
    false_by_image: NDArray[np.int64]
    undetected_by_image: NDArray[np.int64]

    def json(self) -> dict[str, Any]:
        return {
            "iou": FOREGROUND,
            "background_iou": BACKGROUND,
            "true_positives": self.true_positives,
            "undetected": self.undetected,
            "counts": {**self.kinds, "missed": self.missed},
        }


def errors(
    scene: CocoDataset, matched: Matched, iou_type: IouType, threshold: float | None
) -> DetectionErrors:
    """Count the errors of the detections whose score reaches `threshold` (None: of all).

    A false detection is, with its greatest IoU with an object of its category and of another:

        duplicate        >= 0.5 with one of its category (which a better detection has)
        classification   >= 0.5 with one of another
        localization     >= 0.1 with one of its category
        both             >= 0.1 with one of another
        background       less

    the first that holds. `missed` are undetected objects that no wrongly classified or localised
    detection touches so. Crowds do not count. Source: Bolya et al., "TIDE: a general toolbox for
    identifying object detection errors", ECCV 2020.
    """
    least = -np.inf if threshold is None else threshold
    false = [place for place in matched.false if scene.found[place].score >= least]
    pairs = [pair for pair in matched.pairs if scene.found[pair[0]].score >= least]
    late = [true for found, true in matched.pairs if scene.found[found].score < least]
    undetected = {*matched.undetected, *late}
    by_image: dict[int, list[int]] = defaultdict(list)
    for place, thing in enumerate(scene.true):
        if not thing.crowd:
            by_image[thing.image].append(place)
    kinds, touched = dict.fromkeys(ERROR_KINDS, 0), set()
    for image, places in _grouped(false, scene.found).items():
        overlaps = _iou(
            [scene.found[place] for place in places],
            [scene.true[place] for place in by_image[image]],
            iou_type,
        )
        for place, row in zip(places, overlaps, strict=True):
            kind, of = _kind(scene.found[place], row, by_image[image], scene)
            kinds[kind] += 1
            if kind in ("classification", "localization"):
                touched.add(of)
    return DetectionErrors(
        kinds,
        len(pairs),
        len(undetected),
        len(undetected - touched),
        _counts(false, scene.found, len(scene.images)),
        _counts(sorted(undetected), scene.true, len(scene.images)),
    )


def _kind(
    found: CocoObject, overlaps: NDArray[np.float64], places: Sequence[int], scene: CocoDataset
) -> tuple[ErrorKind, int]:
    """The kind of error, and the object that it concerns (-1: none)."""
    same = np.array([scene.true[place].category == found.category for place in places], bool)
    own, other = np.where(same, overlaps, -1.0), np.where(same, -1.0, overlaps)
    rules: tuple[tuple[ErrorKind, NDArray[np.float64], float], ...] = (
        ("duplicate", own, FOREGROUND),
        ("classification", other, FOREGROUND),
        ("localization", own, BACKGROUND),
        ("both", other, BACKGROUND),
    )
    for kind, values, least in rules:
        if values.max(initial=-1.0) >= least:
            return kind, places[int(values.argmax())]
    return "background", -1


def _grouped(places: Sequence[int], things: Sequence[CocoObject]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place in places:
        found[things[place].image].append(place)
    return found


def _iou(
    found: Sequence[CocoObject], true: Sequence[CocoObject], iou_type: IouType
) -> NDArray[np.float64]:
    """(found, true) by pycocotools."""
    if not true:
        return np.zeros((len(found), 0))
    if iou_type == "bbox":
        sides = [np.array([thing.box for thing in things], np.float64) for things in (found, true)]
        return np.asarray(coco_mask.iou(*sides, [0] * len(true)), np.float64)
    masks = [[t.mask.coco for t in things if t.mask is not None] for things in (found, true)]
    return np.asarray(coco_mask.iou(*masks, [0] * len(true)), np.float64)


def _counts(places: Sequence[int], things: Sequence[CocoObject], images: int) -> NDArray[np.int64]:
    of_image = np.array([things[place].image for place in places], np.int64)
    return np.bincount(of_image, minlength=images)
