"""Segmentation: from pairs of masks to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from brightfield.errors import ConflictingParameter, InvalidParameter, InvalidRows
from brightfield.images.limits import Limits
from brightfield.metrics.counted.aggregated import AggregatedJaccard
from brightfield.metrics.counted.cases import (
    Draws,
    MeanOfCases,
    Pooled,
    RatioOfSums,
    case_json,
    mean_line,
    pooled_line,
    without_value,
)
from brightfield.metrics.counted.confusion import confusion
from brightfield.metrics.counted.count_errors import COUNT_CONVENTION, count_lines
from brightfield.metrics.counted.counts import CountTable
from brightfield.metrics.counted.mask_notes import mask_notes
from brightfield.metrics.counted.panoptic import THRESHOLDS
from brightfield.metrics.counted.segmented import (
    OBJECTS,
    SURFACE,
    MeasuredPair,
    Ruler,
    total_digest,
)
from brightfield.metrics.evaluation import Names
from brightfield.metrics.kinds.pairs_evaluation import PairsEvaluation
from brightfield.metrics.reading.mask_encoding import MaskEncoding
from brightfield.metrics.reading.mask_options import Percentiles, PixelSpacing
from brightfield.metrics.reading.masks import read_mask
from brightfield.metrics.reading.pairs import Pair, group_codes, group_count
from brightfield.metrics.reports.interval_words import interval_conventions
from brightfield.metrics.reports.notes import skipped, warned
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, nested
from brightfield.progress import Progress

_CONVENTIONS = {
    "order": "pairs by id, else by content; the digest covers the digests of shape, truth and "
    "prediction as little-endian float64 in this order",
    "classes": "value 0 is the background, which counts in pixel_accuracy alone; without labels "
    "every other value is one foreground",
    "metrics": "mean over the cases that have a value; a case's is the mean over its classes",
    "pooled": "ratio of sums over all cases; of several classes the mean over those that occur",
    "empty": "a class that is in neither mask has no value, nor have distances to an empty mask; "
    "nsd of an empty mask is 0",
    "void": "pixels of the truth with the value `ignore` are out of all counts, and a mask that "
    "meets them has no outline there; a predicted object that is void for more than half and "
    "matches nothing is not judged (Kirillov et al. 2019)",
    "hd95": "the greater of the two directions' 95th percentiles; hd100 is the Hausdorff distance",
    "outline": "pixels with a side at which the mask ends, the border of the image included; "
    "distances between centres",
    "objects": "IoU above the threshold matches, one object with one; a merge holds more than "
    "half of each of several true objects, a split of several found ones",
    "aji": "pixels that pairs share / pixels of the pairs' unions and of objects without partner; "
    "each true object with the found one of the greatest IoU (Kumar et al. 2017), in aji_plus each "
    "object in one pair at most (Graham et al. 2019)",
    "count_error": COUNT_CONVENTION,
}

# The percentile of hd95.
_ALWAYS = 95


class Segmentation(PairsEvaluation):
    """True and predicted masks, of classes or of objects."""

    images: ClassVar[tuple[str, str]] = ("truth", "prediction")
    settled: ClassVar[tuple[str, ...]] = (
        *("mode", "classes", "ignore", "pixel_size", "tolerance"),
        *("missing_distance", "hausdorff", "boundary_width"),
    )

    mode: Literal["semantic", "instance"] = "semantic"
    """`semantic`: a pixel's value is its class; `instance`: its object, for pq, f1, merges."""
    labels: Names | None = None
    """The classes by the values 0, 1, ...; 0 is the background."""
    ignore: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Value of pixels of the truth that nobody labelled (void, often 255): they are out of all
    numbers, and a predicted object that is void for more than half is not judged."""
    pixel_size: PixelSpacing | None = None
    """Micrometres per pixel, one number or one per axis. Default: distances are in pixels."""
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Distance within which outlines agree in `nsd`, in units of pixel_size. Default: one pixel."""
    hausdorff: Percentiles | None = None
    """Asks for Hausdorff distances at these percentiles beside `hd95`: 100 is the maximum,
    `hd100`."""
    boundary_width: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Asks for `boundary_iou`, of the pixels at most this far from where a mask ends, in units of
    pixel_size."""
    missing_distance: Literal["leave_out", "diagonal"] = "leave_out"
    """hd95 and assd of a case in which one mask is empty: no value, or the image's diagonal."""

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labels or ("background", "object" if self.mode == "instance" else "foreground")

    @property
    def measured_in(self) -> Mapping[str, str]:
        return {"unit": "pixel" if self.pixel_size is None else "um"}

    @property
    def ruler(self) -> Ruler:
        sizes = self.pixel_size or (1.0,)
        tolerance = max(sizes) if self.tolerance is None else self.tolerance
        penalised = self.missing_distance == "diagonal"
        further = tuple(p for p in dict.fromkeys(self.hausdorff or ()) if p != _ALWAYS)
        return Ruler(sizes, tolerance, penalised, further, self.boundary_width)

    @property
    def of_class(self) -> tuple[str, ...]:
        """The numbers of a class of masks."""
        edges = () if self.boundary_width is None else ("boundary_iou",)
        return ("iou", "dice", *SURFACE, *self.ruler.others, *edges)

    def agree(self) -> None:
        if self.labels is not None and (self.mode == "instance" or len(self.labels) < 2):
            raise InvalidParameter(
                "`labels` name the values 0 (background), 1, ... of masks of classes; leave them "
                "out with mode=instance.",
                errors=[{"location": "labels"}],
            )
        if self.ignore is not None and self.ignore < (
            1 if self.labels is None else len(self.labels)
        ):
            raise ConflictingParameter(
                f"ignore={self.ignore} is the background or the value of a label; send another.",
                errors=[{"location": "ignore"}],
            )

    def measured(self, pair: Pair, limits: Limits) -> MeasuredPair:
        truth = read_mask(pair.truth, "truth", pair.row, limits)
        prediction = read_mask(pair.judged, "prediction", pair.row, limits)
        if truth.blank and prediction.blank:
            raise InvalidRows(
                f"Both masks of pair {pair.row} are empty lists, which have no size; send one as "
                '{"rle": {"size": [height, width], "counts": [height * width]}}.',
                errors=[{"location": f"pairs.{pair.row}", "row": pair.row}],
            )
        truth, prediction = truth.sized(prediction), prediction.sized(truth)
        self._check_shapes(pair, truth.labels.shape, prediction.labels.shape)
        masks = self.encoding.read(truth, prediction, pair.row)
        instances = self.mode == "instance"
        return MeasuredPair.of(pair.bare, masks, len(self.classes), self.ruler, instances=instances)

    @property
    def encoding(self) -> MaskEncoding:
        return MaskEncoding(self.mode == "instance", self.labels, self.ignore)

    def _check_shapes(
        self, pair: Pair, truth: tuple[int, ...], prediction: tuple[int, ...]
    ) -> None:
        if truth != prediction:
            raise InvalidRows(
                f"The masks of pair {pair.row} are of {truth} and {prediction}; send masks of one "
                "size.",
                errors=[{"location": f"pairs.{pair.row}", "row": pair.row}],
            )
        sizes = self.pixel_size
        if sizes is not None and len(sizes) not in (1, len(truth)):
            raise InvalidParameter(
                f"pixel_size has {len(sizes)} numbers and the masks of pair {pair.row} have "
                f"{len(truth)} axes; give one number, or one for each axis.",
                errors=[{"location": "pixel_size", "row": pair.row}],
            )

    def recalled(self, pair: Pair, sha256: str, kept: Mapping[str, Any]) -> MeasuredPair:
        instances = self.mode == "instance"
        return MeasuredPair.of_kept(pair, sha256, kept, len(self.classes), instances)

    def report(self, cases: Sequence[MeasuredPair], progress: Progress) -> dict[str, Any]:
        """The report about cases in canonical order."""
        values = [case.values() for case in cases]
        draws = self._draws(cases, progress)
        lines = self.lines(cases)
        found = draws.estimates(lines)
        error = "pq" if self.mode == "instance" else "dice"
        errors = np.array([_error(case[error]) for case in values], np.float64)
        counts = np.sum(
            [np.zeros((len(self.classes),) * 2, np.int64), *(c.overlap.counts for c in cases)],
            axis=0,
        )
        return {
            "task": "segmentation",
            "mode": self.mode,
            "n": len(cases),
            "groups": group_count(cases),
            "labels": list(self.classes),
            **self.measured_in,
            **self._numbers(found),
            "objects": _objects(cases) if self.mode == "instance" else None,
            "confusion": confusion(CountTable(counts), self.classes, None),
            "cases": [
                {**case.pair.name(), **case_json(own)}
                for case, own in zip(cases, values, strict=True)
            ],
            "worst": [
                {**cases[place].pair.name(), "error": float(errors[place]), "of": error}
                for place in largest(errors, self.worst)
            ],
            "warnings": warned(
                [*mask_notes(cases), *without_value(lines), *skipped(found), *draws.few(found)]
            ),
            "conventions": {
                **_CONVENTIONS,
                **interval_conventions(self.ci, "cases", clustered=draws.groups is not None),
                "tolerance": self.ruler.tolerance,
                "ci": self.ci.model_dump(),
            },
            "input_sha256": total_digest([case.sha256 for case in cases]),
        }

    def numbers(self, cases: Sequence[MeasuredPair], progress: Progress) -> dict[str, Any]:
        """The numbers of the report alone."""
        return self._numbers(self._draws(cases, progress).estimates(self.lines(cases)))

    def _draws(self, cases: Sequence[MeasuredPair], progress: Progress) -> Draws:
        return Draws(len(cases), group_codes([c.pair for c in cases]), self.ci, progress)

    def _numbers(self, found: dict[MetricPath, Estimate]) -> dict[str, Any]:
        return {
            "metrics": nested(found, ("metrics",)),
            "pooled": nested(found, ("pooled",)),
            "per_class": [
                {"label": label, "class_id": c, "metrics": nested(found, ("per_class", c))}
                for c, label in enumerate(self.classes)
                if c and self.mode == "semantic"
            ],
        }

    def lines(self, cases: Sequence[MeasuredPair]) -> list[MetricSpec[Any]]:
        """Every number of the report."""
        return [*self._means(cases), *self._pooled(cases)]

    def _means(self, cases: Sequence[MeasuredPair]) -> list[MetricSpec[Any]]:
        family = MeanOfCases()
        values = [case.values() for case in cases]
        classes = [case.of_classes for case in cases]
        parts = {name: [[own[name] for own in each] for each in classes] for name in self.of_class}
        names = [*self.of_class[:2], "pixel_accuracy", *self.of_class[2:]]
        if self.mode == "instance":
            names += [*OBJECTS, "merges", "splits"]
        lines = [
            mean_line(("metrics", name), [v[name] for v in values], family, parts.get(name))
            for name in names
        ]
        for c in range(1, len(self.classes)):
            own = [each[c - 1] for each in classes]
            lines += [
                mean_line(("per_class", c, name), [v[name] for v in own], family)
                for name in self.of_class
            ]
        counted = [case.matches.count_error for case in cases if case.matches is not None]
        return lines + (count_lines(("metrics",), counted) if self.mode == "instance" else [])

    def _pooled(self, cases: Sequence[MeasuredPair]) -> list[MetricSpec[Any]]:
        family = RatioOfSums()
        classes = range(1, len(self.classes))
        both = [[int(case.overlap.both[c]) for case in cases] for c in classes]
        either = [[int(case.overlap.either[c]) for case in cases] for c in classes]
        sizes = [[int(case.overlap.sizes[c]) for case in cases] for c in classes]
        outlines = [[case.outlines[c - 1] for case in cases] for c in classes]
        twice = [[2 * n for n in column] for column in both]
        samples = {
            "iou": [Pooled(*pair) for pair in zip(both, either, strict=True)],
            "dice": [Pooled(*pair) for pair in zip(twice, sizes, strict=True)],
            "pixel_accuracy": [Pooled([c.right for c in cases], [c.pixels for c in cases])],
            "assd": [
                Pooled([o.total for o in own], [o.paired for o in own], "mixed", gaps=True)
                for own in outlines
            ],
            "nsd": [Pooled([o.within for o in own], [o.count for o in own]) for own in outlines],
        }
        if self.boundary_width is not None:
            edges = [[case.boundaries[c - 1] for case in cases] for c in classes]
            samples["boundary_iou"] = [
                Pooled([both for both, _ in own], [either for _, either in own]) for own in edges
            ]
        if self.mode == "instance":
            samples |= _pooled_objects(cases)
        return [pooled_line(("pooled", name), found, family) for name, found in samples.items()]


def _pooled_objects(cases: Sequence[MeasuredPair]) -> dict[str, list[Pooled]]:
    matches = [case.matches for case in cases if case.matches is not None]
    either = [m.either for m in matches]
    hits = [m.matched(THRESHOLDS[0]) for m in matches]
    quality = [m.quality for m in matches]
    found = {
        "pq": [Pooled([2 * q for q in quality], either)],
        "sq": [Pooled(quality, hits, "no_matches" if any(either) else "both_empty", gaps=True)],
        "rq": [Pooled([2 * n for n in hits], either)],
    }
    for name in ("aji", "aji_plus"):
        found[name] = [_pooled_aggregated([getattr(m, name) for m in matches])]
    for t in THRESHOLDS:
        found[f"f1_at_{t:g}"] = [Pooled([2 * m.matched(t) for m in matches], either)]
    return found


def _pooled_aggregated(sums: Sequence[AggregatedJaccard | None]) -> Pooled:
    known = [each for each in sums if each is not None]
    if len(known) < len(sums):
        return Pooled([0] * len(sums), [0] * len(sums), "not_kept")
    return Pooled([each.shared for each in known], [each.either for each in known])


def _objects(cases: Sequence[MeasuredPair]) -> dict[str, int]:
    """How many objects there are in all cases together."""
    matches = [case.matches for case in cases if case.matches is not None]
    return {
        name: sum(getattr(m, name) for m in matches)
        for name in ("true", "found", "merges", "splits")
    }


def _error(value: float | str) -> float:
    return np.nan if isinstance(value, str) else 1 - value
