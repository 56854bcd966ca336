"""Which detections hit which objects, as COCOeval matches them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.coco_overlaps import Hits, overlaps
from brightfield.metrics.counted.detection_rules import AreaRange, DetectionRules
from brightfield.metrics.reading.coco import CocoDataset, CocoObject
from brightfield.progress import STILL_WANTED, Progress

Flags = NDArray[np.bool_]
Partners = NDArray[np.int64]
"""Places in a list, -1 for none."""

# COCOeval takes an IoU of 1 but for rounding for 1.
_WHOLE = 1 - 1e-10


@dataclass(frozen=True, eq=False)
class ImageCategory:
    """The detections of an image and a category (or of all), best score first, and its objects, as
    places in the scene's lists; `hits` are between the two."""

    image: int
    category: int
    found: list[int]
    true: list[int]
    hits: Hits


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

    def followed_by(self, other: Ranked) -> Ranked:
        """Both in one order, by their ranks, since scores of two models have no common scale; the
        other's images come after these."""
        shares = [(-_ranks(-each.scores) / max(1, each.scores.size)) for each in (self, other)]
        scores = np.concatenate(shares)
        order = np.argsort(-scores, kind="mergesort")
        return Ranked(
            scores[order],
            np.concatenate([self.images, other.images + self.objects.size])[order],
            np.concatenate([self.rank, other.rank])[order],
            np.concatenate([self.right, other.right], axis=1)[:, order],
            np.concatenate([self.wrong, other.wrong], axis=1)[:, order],
            np.concatenate([self.objects, other.objects]),
        )


@dataclass(frozen=True, eq=False)
class Matched:
    """What was found by the rules: `ranked[category][area]`."""

    rules: DetectionRules
    ranked: tuple[tuple[Ranked, ...], ...]

    def followed_by(self, other: Matched) -> Matched:
        """Both, the other's images after these."""
        return Matched(
            self.rules,
            tuple(
                tuple(a.followed_by(b) for a, b in zip(*areas, strict=True))
                for areas in zip(self.ranked, other.ranked, strict=True)
            ),
        )


def cells(
    scene: CocoDataset, rules: DetectionRules, least: float, progress: Progress
) -> list[ImageCategory]:
    """Each image and category that has something, with the overlaps from `least` on.

    Of equal scores the detection that was sent first comes first; over all categories that of the
    first category, as pycocotools has it.
    """
    members: dict[tuple[int, int], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, things in enumerate((scene.found, scene.true)):
        for place, thing in enumerate(things):
            category = 0 if rules.class_agnostic else thing.category
            members[thing.image, category][side].append(place)
    made = []
    for (image, category), (found, true) in sorted(members.items()):
        found.sort(key=lambda place: -scene.found[place].score)
        sides = [scene.found[place] for place in found], [scene.true[place] for place in true]
        made.append(ImageCategory(image, category, found, true, overlaps(*sides, least, progress)))
    return made


def partners(
    hits: Hits, ignored: Sequence[bool], crowd: Sequence[bool], threshold: float
) -> Partners:
    """(D,) the object of each detection, the best detection first: of those that are still free the
    one that it overlaps most, and rather one that counts than one that is `ignored`. A crowd is
    free for any number. As `COCOeval.evaluateImg`, which looks at every pair in Python: that takes
    minutes for a field of thousands of cells."""
    found = np.full(len(hits), -1, np.int64)
    taken: set[int] = set()
    least = min(threshold, _WHOLE)
    for place, own in enumerate(hits):
        best, chosen = least, -1
        for true, overlap in sorted(own, key=lambda hit: ignored[hit[0]]):
            if true in taken and not crowd[true]:
                continue
            if chosen >= 0 and ignored[true] and not ignored[chosen]:
                break
            if overlap >= best:
                best, chosen = overlap, true
        if chosen >= 0:
            found[place] = chosen
            taken.add(chosen)
    return found


def match(
    scene: CocoDataset, found: Sequence[ImageCategory], rules: DetectionRules, progress: Progress
) -> Matched:
    """Match each cell in each range of areas, at each threshold."""
    parts: dict[tuple[int, int], list[_Part]] = defaultdict(list)
    for cell in found:
        progress(STILL_WANTED)
        for area, bounds in enumerate(rules.areas):
            parts[cell.category, area].append(_part(scene, cell, bounds, rules))
    categories = min(1, len(scene.categories)) if rules.class_agnostic else len(scene.categories)
    images, count = len(scene.images), len(rules.thresholds)
    ranked = tuple(
        tuple(_ranked(parts[category, area], images, count) for area in range(len(rules.areas)))
        for category in range(categories)
    )
    return Matched(rules, ranked)


@dataclass(frozen=True, eq=False)
class _Part:
    """A cell in a range of areas: what becomes of its detections, and how many objects count."""

    image: int
    scores: NDArray[np.float64]
    right: Flags
    wrong: Flags
    objects: int


def _part(
    scene: CocoDataset, cell: ImageCategory, bounds: AreaRange, rules: DetectionRules
) -> _Part:
    true = [scene.true[place] for place in cell.true]
    found = [scene.found[place] for place in cell.found[: rules.limit]]
    crowd = [thing.crowd for thing in true]
    ignored = [thing.crowd or _outside(thing, bounds) for thing in true]
    hits = cell.hits[: rules.limit]
    chosen = np.array(
        [partners(hits, ignored, crowd, t) for t in rules.thresholds], np.int64
    ).reshape(len(rules.thresholds), len(found))
    counts = ~np.array([*ignored, True], np.bool_)  # the last is that of none
    outside = np.array([_outside(thing, bounds) for thing in found], np.bool_)
    return _Part(
        cell.image,
        np.array([thing.score for thing in found], np.float64),
        counts[chosen],
        (chosen < 0) & ~outside,
        int(np.count_nonzero(counts)),
    )


def _ranks(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0; of equals the first."""
    return np.searchsorted(ascending, ascending, side="left").astype(np.float64)


def _outside(thing: CocoObject, bounds: AreaRange) -> bool:
    return not bounds.low <= thing.area <= bounds.high


def _ranked(parts: Sequence[_Part], images: int, thresholds: int) -> Ranked:
    """Put the images' detections in one order; of equal scores the first image's comes first."""
    empty: list[Flags] = [np.zeros((thresholds, 0), np.bool_)]
    scores = np.concatenate([np.zeros(0), *(part.scores for part in parts)])
    counts = [part.scores.size for part in parts]
    order = np.argsort(-scores, kind="mergesort")
    objects = np.zeros(images)
    for part in parts:
        objects[part.image] = part.objects
    ranks = [np.zeros(0, np.int64), *(np.arange(count) for count in counts)]
    of_image = np.array([part.image for part in parts], np.int64)
    return Ranked(
        scores[order],
        np.repeat(of_image, counts)[order],
        np.concatenate(ranks)[order],
        np.concatenate([*empty, *(part.right for part in parts)], axis=1)[:, order],
        np.concatenate([*empty, *(part.wrong for part in parts)], axis=1)[:, order],
        objects,
    )


def crowded(found: Sequence[ImageCategory], scene: CocoDataset) -> Mapping[str, list[int]]:
    """How many detections and how many objects that count each cell has."""
    return {
        "detections": [len(cell.found) for cell in found],
        "objects": [sum(not scene.true[place].crowd for place in cell.true) for cell in found],
    }
