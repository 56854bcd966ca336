"""One pair of masks, measured."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.aggregated import AggregatedJaccard
from brightfield.metrics.counted.boundary import boundary_overlap
from brightfield.metrics.counted.cases import CaseValue, mean_value
from brightfield.metrics.counted.object_overlaps import ObjectOverlaps
from brightfield.metrics.counted.overlap import MaskOverlap
from brightfield.metrics.counted.panoptic import THRESHOLDS, Matches
from brightfield.metrics.counted.surface import LoneOutline, surfaces
from brightfield.metrics.reading.mask_encoding import MaskMark, MaskPair
from brightfield.metrics.reading.pairs import Pair
from brightfield.metrics.statistics.estimate import Reason

SURFACE = ("hd95", "assd", "nsd")
OBJECTS = (
    *("pq", "sq", "rq", "aji", "aji_plus"),
    *(f"f1_at_{threshold:g}" for threshold in THRESHOLDS),
)


@dataclass(frozen=True, slots=True)
class OutlineDistances:
    """What is kept of a class's distances."""

    hd95: float
    total: float
    within: int
    count: int
    others: Mapping[str, float] = field(default_factory=dict)
    """Hausdorff distances at other percentiles, by name."""

    without: ClassVar[Reason | None] = None

    @property
    def paired(self) -> int:
        """How many distances there are."""
        return self.count

    def values(self) -> dict[str, CaseValue]:
        """The numbers of `SURFACE`."""
        return {
            "hd95": self.hd95,
            "assd": self.total / self.count,
            "nsd": self.within / self.count,
            **self.others,
        }


def _recalled(kept: Reason | Mapping[str, Any]) -> OutlineDistances | LoneOutline:
    """An outline as it was kept, by an earlier version perhaps."""
    if isinstance(kept, str):
        return LoneOutline(kept, 0)
    if "reason" not in kept:
        return OutlineDistances(**kept)
    return LoneOutline(**{**kept, "others": tuple(kept.get("others", ()))})


@dataclass(frozen=True, eq=False)
class MeasuredPair:
    """What a pair of masks gives; its pixels are gone. Classes are those behind the background."""

    pair: Pair
    sha256: str
    overlap: MaskOverlap
    outlines: tuple[OutlineDistances | LoneOutline, ...]
    matches: Matches | None
    marks: tuple[MaskMark, ...]
    boundaries: tuple[tuple[int, int], ...] = ()
    """Pixels of both edges and of either, for each class; empty where nobody asked."""

    @classmethod
    def of(
        cls, pair: Pair, masks: MaskPair, classes: int, ruler: Ruler, *, instances: bool
    ) -> MeasuredPair:
        """Measure two masks; with `instances` their values tell objects apart."""
        matches = None
        truth, prediction = masks.truth.labels, masks.prediction.labels
        if instances:
            matches = Matches.of(ObjectOverlaps.of(masks.truth, masks.prediction, masks.void))
            truth, prediction = (np.minimum(labels, 1) for labels in (truth, prediction))
        known = truth, prediction
        if masks.void is not None:
            prediction = np.where(masks.void, 0, prediction)
            known = truth[~masks.void], prediction[~masks.void]
        sides = [(truth == c, prediction == c, masks.void) for c in range(1, classes)]
        outlines = tuple(ruler.measured(*each) for each in sides)
        edges = () if ruler.boundary is None else tuple(ruler.edges(*each) for each in sides)
        overlap = MaskOverlap.of(*known, classes)
        return cls(pair, masks.sha256, overlap, outlines, matches, masks.marks, edges)

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
            tuple(_recalled(each) for each in found),
            Matches.of_kept(kept["matches"]) if instances else None,
            tuple(kept.get("marks", ())),
            tuple((both, either) for both, either in kept.get("boundaries", ())),
        )

    def kept(self) -> dict[str, Any]:
        """What was measured."""
        return {
            "overlap": self.overlap.kept(),
            "outlines": [asdict(outline) for outline in self.outlines],
            "matches": None if self.matches is None else self.matches.kept(),
            "marks": list(self.marks),
            "boundaries": [list(pair) for pair in self.boundaries],
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
        if self.boundaries:
            edges = self.boundaries[c - 1]
            values["boundary_iou"] = edges[0] / edges[1] if edges[1] else "both_empty"
        return values | self.outlines[c - 1].values()

    @property
    def of_classes(self) -> list[Mapping[str, CaseValue]]:
        """The numbers of each class."""
        return [self.of_class(c) for c in range(1, len(self.overlap.counts))]

    def values(self) -> dict[str, CaseValue]:
        """The numbers of the case: means over its classes, pixel accuracy, and of objects."""
        classes = self.of_classes
        found = {name: mean_value([values[name] for values in classes]) for name in classes[0]}
        found["pixel_accuracy"] = self.right / self.pixels if self.pixels else "only_void"
        return found if self.matches is None else found | _of_objects(self.matches)

    @property
    def order(self) -> tuple[str, str, str]:
        """By id, else by content and group."""
        return self.pair.id or "", self.sha256, self.pair.group or ""


@dataclass(frozen=True, slots=True)
class Ruler:
    """A pixel's size along each axis (one number for all), and the tolerance of `nsd`; `penalised`
    says that the image's diagonal counts as the distance to a mask that is missing."""

    pixel_size: Sequence[float]
    tolerance: float
    penalised: bool = False
    percentiles: tuple[float, ...] = ()
    """Further percentiles of the Hausdorff distance."""
    boundary: float | None = None
    """The width of edges in `boundary_iou`, None where nobody asked for it."""

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the further distances."""
        return tuple(f"hd{percent:.12g}" for percent in self.percentiles)

    def edges(
        self,
        truth: NDArray[np.bool_],
        prediction: NDArray[np.bool_],
        void: NDArray[np.bool_] | None,
    ) -> tuple[int, int]:
        """Pixels of both edges, and of either."""
        assert self.boundary is not None
        return boundary_overlap(truth, prediction, self._spacing(truth.ndim), self.boundary, void)

    def _spacing(self, axes: int) -> list[float]:
        sizes = list(self.pixel_size)
        return sizes * axes if len(sizes) == 1 else sizes

    def measured(
        self,
        truth: NDArray[np.bool_],
        prediction: NDArray[np.bool_],
        void: NDArray[np.bool_] | None,
    ) -> OutlineDistances | LoneOutline:
        spacing = self._spacing(truth.ndim)
        found = surfaces(truth, prediction, spacing, void)
        if isinstance(found, LoneOutline):
            diagonal = math.hypot(*(n * d for n, d in zip(truth.shape, spacing, strict=True)))
            penalty = diagonal if self.penalised and found.count else None
            return replace(found, penalty=penalty, others=self.others)
        others = zip(self.others, map(found.hausdorff, self.percentiles), strict=True)
        within = found.within(self.tolerance)
        return OutlineDistances(found.hausdorff(95), found.total, within, found.count, dict(others))


def _of_objects(matches: Matches) -> dict[str, CaseValue]:
    counts: dict[str, CaseValue] = {
        "merges": matches.merges,
        "splits": matches.splits,
        "true_objects": matches.true,
        "found_objects": matches.found,
        "count_error": matches.count_error,
    }
    if not matches.either:
        empty: dict[str, CaseValue] = dict.fromkeys(OBJECTS, "both_empty")
        return empty | counts
    hits = matches.matched(THRESHOLDS[0])
    found: dict[str, CaseValue] = {
        "pq": 2 * matches.quality / matches.either,
        "sq": matches.quality / hits if hits else "no_matches",
        "rq": 2 * hits / matches.either,
        "aji": _aggregated(matches.aji),
        "aji_plus": _aggregated(matches.aji_plus),
    }
    for threshold in THRESHOLDS:
        found[f"f1_at_{threshold:g}"] = 2 * matches.matched(threshold) / matches.either
    return found | counts


def _aggregated(sums: AggregatedJaccard | None) -> CaseValue:
    return "not_kept" if sums is None else sums.shared / sums.either


def total_digest(parts: Sequence[str]) -> str:
    """SHA-256 over the digests of the cases, in their order."""
    return hashlib.sha256("".join(parts).encode("ascii")).hexdigest()
