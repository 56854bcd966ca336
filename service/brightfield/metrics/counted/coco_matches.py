"""Which detections hit which objects, by pycocotools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

from brightfield.metrics.reading.coco import CocoDataset, CocoObject, IouType
from brightfield.progress import STILL_WANTED, Progress

AREAS = ("all", "small", "medium", "large")
DETECTION_CAPS = (1, 10, 100)
"""Detections that count per image and category, the best first."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ranked:
    """The detections of one category in one range of areas, best score first.

    At each of the T thresholds of IoU a detection is `right` or `wrong`, or neither where it met a
    crowd or something outside the range of areas; both are (T, D). `rank` is its place within its
    image, and `objects` are those of each image that count.
    """

    scores: NDArray[np.float64]
    images: NDArray[np.int64]
    rank: NDArray[np.int64]
    right: Flags
    wrong: Flags
    objects: NDArray[np.float64]

    @cached_property
    def n(self) -> int:
        """Objects that count."""
        return int(self.objects.sum())


@dataclass(frozen=True, eq=False)
class Matched:
    """What COCOeval found: `ranked[category][area]`, and at IoU 0.5 over all areas, as places in
    the scene's lists, the pairs (detection, object) and the detections and objects without one."""

    ranked: tuple[tuple[Ranked, ...], ...]
    thresholds: NDArray[np.float64]
    recalls: NDArray[np.float64]
    pairs: tuple[tuple[int, int], ...]
    false: tuple[int, ...]
    undetected: tuple[int, ...]


def match(scene: CocoDataset, iou_type: IouType, progress: Progress) -> Matched:
    """Let COCOeval match each image and category in each range of areas.

    Its `evaluate` is not called, because it prints, and things get ids from 1 on: COCOeval takes an
    object with the id 0 for none.
    """
    coco = COCOeval(iouType=iou_type)
    for cells, things in ((coco._gts, scene.true), (coco._dts, scene.found)):
        for place, thing in enumerate(things):
            cells[thing.image, thing.category].append(_entry(thing, place + 1))
    raw: dict[tuple[int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for image, category in sorted({*coco._gts, *coco._dts}):
        progress(STILL_WANTED)
        coco.ious[image, category] = coco.computeIoU(image, category)
        for area, bounds in enumerate(coco.params.areaRng):
            raw[category, area].append(
                coco.evaluateImg(image, category, bounds, DETECTION_CAPS[-1])
            )
    count = len(coco.params.iouThrs)
    ranked = tuple(
        tuple(_ranked(raw[category, area], len(scene.images), count) for area in range(len(AREAS)))
        for category in range(len(scene.categories))
    )
    whole = [entry for category in range(len(scene.categories)) for entry in raw[category, 0]]
    return Matched(ranked, coco.params.iouThrs, coco.params.recThrs, *_outcome(whole))


def _entry(thing: CocoObject, number: int) -> dict[str, Any]:
    """A thing as COCOeval reads it."""
    return {
        "id": number,
        "bbox": list(thing.box),
        "segmentation": None if thing.mask is None else thing.mask.coco,
        "area": thing.area,
        "iscrowd": int(thing.crowd),
        "ignore": int(thing.crowd),
        "score": thing.score,
    }


def _ranked(entries: Sequence[Mapping[str, Any]], images: int, thresholds: int) -> Ranked:
    """Put the images' detections in one order; of equal scores the first image's comes first."""
    empty: list[Any] = [np.zeros((thresholds, 0), bool)]
    scores = np.array([score for entry in entries for score in entry["dtScores"]], np.float64)
    counts = [len(entry["dtScores"]) for entry in entries]
    of_image = np.array([entry["image_id"] for entry in entries], np.int64)
    order = np.argsort(-scores, kind="mergesort")
    hit = np.concatenate([*empty, *(entry["dtMatches"] > 0 for entry in entries)], axis=1)[:, order]
    ignored = np.concatenate([*empty, *(entry["dtIgnore"] for entry in entries)], axis=1)[:, order]
    objects = np.zeros(images)
    for entry in entries:
        objects[entry["image_id"]] = np.count_nonzero(entry["gtIgnore"] == 0)
    ranks = [np.zeros(0, np.int64), *(np.arange(count) for count in counts)]
    return Ranked(
        scores[order],
        np.repeat(of_image, counts)[order],
        np.concatenate(ranks)[order],
        hit & ~ignored,
        ~hit & ~ignored,
        objects,
    )


def _outcome(
    entries: Sequence[Mapping[str, Any]],
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...], tuple[int, ...]]:
    """Pairs, false detections and undetected objects at the first threshold, 0.5."""
    pairs, false, undetected = [], [], []
    for entry in entries:
        found = zip(entry["dtIds"], entry["dtMatches"][0], entry["dtIgnore"][0], strict=True)
        for number, partner, ignored in found:
            if not ignored and partner:
                pairs.append((number - 1, int(partner) - 1))
            elif not ignored:
                false.append(number - 1)
        true = zip(entry["gtIds"], entry["gtMatches"][0], entry["gtIgnore"], strict=True)
        undetected += [number - 1 for number, partner, out in true if not (partner or out)]
    return tuple(pairs), tuple(false), tuple(undetected)
