"""One pair of masks, measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.cases import CaseValue
from brightfield.metrics.counted.overlap import MaskOverlap
from brightfield.metrics.counted.panoptic import THRESHOLDS, Matches
from brightfield.metrics.counted.surface import Surfaces, surfaces
from brightfield.metrics.reading.pairs import Pair
from brightfield.metrics.reading.pictures import ClassMask
from brightfield.metrics.reading.rows import digest
from brightfield.metrics.statistics.estimate import Reason

SURFACE = ("hd95", "assd", "nsd")
OBJECTS = ("pq", "sq", "rq", *(f"f1_at_{threshold:g}" for threshold in THRESHOLDS))


@dataclass(frozen=True, slots=True)
class OutlineDistances:
    """What is kept of a class's distances."""

    hd95: float
    total: float
    within: int
    count: int


@dataclass(frozen=True, eq=False)
class MeasuredPair:
    """What a pair of masks gives; its pixels are gone. Classes are those behind the background."""

    pair: Pair
    sha256: str
    overlap: MaskOverlap
    outlines: tuple[OutlineDistances | Reason, ...]
    matches: Matches | None

    @classmethod
    def of(
        cls,
        pair: Pair,
        truth: ClassMask,
        prediction: ClassMask,
        classes: int,
        ruler: Ruler,
        instances: bool,
    ) -> MeasuredPair:
        """Measure two masks of one shape; with `instances` their values tell objects apart."""
        shape = np.array([truth.ndim, *truth.shape], np.float64)
        sha256 = digest(shape, truth.astype(np.float64), prediction.astype(np.float64))
        matches = Matches.of(truth, prediction) if instances else None
        if instances:
            truth, prediction = (np.minimum(mask, 1) for mask in (truth, prediction))
        overlap = MaskOverlap.of(truth, prediction, classes)
        outlines = tuple(ruler.measured(truth == c, prediction == c) for c in range(1, classes))
        return cls(pair, sha256, overlap, outlines, matches)

    @classmethod
    def of_kept(
        cls, pair: Pair, sha256: str, kept: Mapping[str, Any], classes: int, instances: bool
    ) -> MeasuredPair:
        """From what `kept` gave; `classes` and `instances` are those it was measured with."""
        found: list[Reason | dict[str, Any]] = kept["outlines"]
        if len(found) != classes - 1:
            raise ValueError(f"{len(found)} outlines of {classes} classes")
        return cls(
            pair,
            sha256,
            MaskOverlap.of_kept(kept["overlap"], classes),
            tuple(each if isinstance(each, str) else OutlineDistances(**each) for each in found),
            Matches.of_kept(kept["matches"]) if instances else None,
        )

    def kept(self) -> dict[str, Any]:
        """What was measured."""
        return {
            "overlap": self.overlap.kept(),
            "outlines": [o if isinstance(o, str) else asdict(o) for o in self.outlines],
            "matches": None if self.matches is None else self.matches.kept(),
        }

    @property
    def pixels(self) -> int:
        return int(self.overlap.counts.sum())

    @property
    def right(self) -> int:
        """Pixels whose class is right."""
        return int(np.trace(self.overlap.counts))

    def of_class(self, c: int) -> Mapping[str, CaseValue]:
        """The numbers of one class."""
        both, either = int(self.overlap.both[c]), int(self.overlap.either[c])
        values: dict[str, CaseValue] = dict.fromkeys(("iou", "dice"), "both_empty")
        if either:
            values = {"iou": both / either, "dice": 2 * both / int(self.overlap.sizes[c])}
        outline = self.outlines[c - 1]
        if isinstance(outline, str):
            return values | dict.fromkeys(SURFACE, outline)
        return values | {
            "hd95": outline.hd95,
            "assd": outline.total / outline.count,
            "nsd": outline.within / outline.count,
        }

    def values(self) -> dict[str, CaseValue]:
        """The numbers of the case: means over its classes, pixel accuracy, and of objects."""
        classes = [self.of_class(c) for c in range(1, len(self.overlap.counts))]
        found = {name: _mean([values[name] for values in classes]) for name in classes[0]}
        found["pixel_accuracy"] = self.right / self.pixels
        return found if self.matches is None else found | _of_objects(self.matches)

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""
        return self.pair.id or "", self.sha256, self.pair.group or ""


@dataclass(frozen=True, slots=True)
class Ruler:
    """A pixel's size along each axis (one number for all), and the tolerance of `nsd`."""

    pixel_size: Sequence[float]
    tolerance: float

    def measured(
        self, truth: NDArray[np.bool_], prediction: NDArray[np.bool_]
    ) -> OutlineDistances | Reason:
        sizes = self.pixel_size
        spacing = list(sizes) * truth.ndim if len(sizes) == 1 else list(sizes)
        found = surfaces(truth, prediction, spacing)
        if not isinstance(found, Surfaces):
            return found
        return OutlineDistances(found.hd95, found.total, found.within(self.tolerance), found.count)


def _mean(values: Sequence[CaseValue]) -> CaseValue:
    numbers = [value for value in values if not isinstance(value, str)]
    if numbers:
        return sum(numbers) / len(numbers)
    reasons = {value for value in values if isinstance(value, str)}
    return reasons.pop() if len(reasons) == 1 else "mixed"


def _of_objects(matches: Matches) -> dict[str, CaseValue]:
    counts: dict[str, CaseValue] = {"merges": matches.merges, "splits": matches.splits}
    if not matches.either:
        empty: dict[str, CaseValue] = dict.fromkeys(OBJECTS, "both_empty")
        return empty | counts
    hits = matches.matched(THRESHOLDS[0])
    found: dict[str, CaseValue] = {
        "pq": 2 * matches.quality / matches.either,
        "sq": matches.quality / hits if hits else "no_matches",
        "rq": 2 * hits / matches.either,
    }
    for threshold in THRESHOLDS:
        found[f"f1_at_{threshold:g}"] = 2 * matches.matched(threshold) / matches.either
    return found | counts


def total_digest(parts: Sequence[str]) -> str:
    """SHA-256 over the digests of the cases, in their order."""
    return hashlib.sha256("".join(parts).encode("ascii")).hexdigest()
