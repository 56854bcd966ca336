"""How many objects there are in each image, and how many were detected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.counted.count_errors import count_lines
from brightfield.metrics.counted.detection_outcome import DetectionOutcome
from brightfield.metrics.reading.coco import CocoDataset, CocoObject
from brightfield.metrics.statistics.family import MetricSpec


@dataclass(frozen=True, eq=False)
class FieldCounts:
    """(n, k) true objects and detections of each category in each image.

    Detections count from the threshold of the outcome on; crowds, and detections in them, are in
    neither.
    """

    true: NDArray[np.int64]
    found: NDArray[np.int64]

    @classmethod
    def of(cls, scene: CocoDataset, outcome: DetectionOutcome) -> FieldCounts:
        judged = (*(pair.found for pair in outcome.pairs), *outcome.false)
        objects = (thing for thing in scene.true if not thing.crowd)
        shape = len(scene.images), len(scene.categories)
        return cls(_table(objects, shape), _table((scene.found[place] for place in judged), shape))

    @property
    def errors(self) -> NDArray[np.int64]:
        """(n, k) found less true."""
        return self.found - self.true

    def lines(self, categories: int) -> list[MetricSpec[Any]]:
        """The errors over all categories, and of each of the first `categories`."""
        lines = count_lines(("metrics",), self.errors.sum(axis=1).tolist())
        for place in range(categories):
            lines += count_lines(("per_class", place), self.errors[:, place].tolist())
        return lines

    def cases(self, images: Sequence[Any]) -> list[dict[str, Any]]:
        """The counts of each image, as a report lists them."""
        counts = zip(images, self.true.sum(axis=1), self.found.sum(axis=1), strict=True)
        return [
            {
                "id": image,
                "true_objects": int(true),
                "found_objects": int(found),
                "count_error": int(found - true),
            }
            for image, true, found in counts
        ]


def count_notes(outcome: DetectionOutcome) -> list[Note]:
    """Of detections that were counted whatever their score, when they are far too many."""
    right, false = len(outcome.pairs), len(outcome.false)
    objects = right + len(outcome.undetected)
    if np.isfinite(outcome.least) or right + false <= 2 * objects:
        return []
    return [
        Note(
            "counted_at_any_score",
            f"Without `threshold` every detection counts, whatever its score: {right + false:,} "
            f"detections of {objects:,} objects. If some are candidates only, send the "
            "score from which one counts; `count_error`, `errors` and `confusion` depend on it.",
        )
    ]


def other_thresholds(first: float | None, second: float | None) -> list[Note]:
    """Of two runs whose detections count from different scores on."""
    if first == second:
        return []
    a, b = ("all detections" if t is None else f"those from a score of {t:g}" for t in
            (first, second))  # fmt: skip
    return [
        Note(
            "different_operating_points",
            f"Run a counts {a} and run b {b}, so count_error and its limits may differ by the "
            "thresholds alone. AP and AR do not depend on them.",
        )
    ]


def _table(things: Iterable[CocoObject], shape: tuple[int, int]) -> NDArray[np.int64]:
    table = np.zeros(shape, np.int64)
    for thing in things:
        table[thing.image, thing.category] += 1
    return table
