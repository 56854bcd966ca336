"""Detection: from a COCO data set and detections to the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from brightfield.errors import ConflictingParameter
from brightfield.metrics.chunks.chunk import PredictionChunk, RunChunks
from brightfield.metrics.chunks.coco_chunks import JoinedCoco, check_same_truth, joined
from brightfield.metrics.counted.coco_matches import ImageCategory, Matched, cells, match
from brightfield.metrics.counted.coco_summary import CocoSummary, Detected, curves
from brightfield.metrics.counted.confusion import confusion
from brightfield.metrics.counted.count_errors import COUNT_CONVENTION
from brightfield.metrics.counted.counts import CountTable
from brightfield.metrics.counted.detection_errors import DetectionErrors, errors
from brightfield.metrics.counted.detection_notes import detection_notes
from brightfield.metrics.counted.detection_outcome import DetectionOutcome
from brightfield.metrics.counted.detection_partners import object_partners
from brightfield.metrics.counted.detection_rules import COCO_LIMIT, DetectionRules
from brightfield.metrics.counted.field_counts import FieldCounts, count_notes, other_thresholds
from brightfield.metrics.evaluation import DataLimits, Evaluation, RunPair
from brightfield.metrics.reading.coco import (
    CocoDataset,
    IouType,
    check_annotation_ids,
    find_faults,
    find_unanswered,
    read_scene,
)
from brightfield.metrics.reading.coco_columns import with_columns
from brightfield.metrics.reading.coco_faults import NO_FAULTS, Faults
from brightfield.metrics.reading.coco_ids import id_text
from brightfield.metrics.reading.detection_options import Areas, Overlaps
from brightfield.metrics.reports.comparison import (
    Shared,
    below,
    comparison_conventions,
    differences,
    same_options,
)
from brightfield.metrics.reports.interval_words import few_drawn, interval_conventions
from brightfield.metrics.reports.notes import left_out, skipped, warned
from brightfield.metrics.reports.paired_design import Design
from brightfield.metrics.reports.parts import by_notes, by_values
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, nested
from brightfield.metrics.statistics.intervals import Drawing, estimates
from brightfield.metrics.statistics.resampling import ClusterResampler, Codes, RowResampler
from brightfield.progress import Progress

_CONVENTIONS = {
    "order": "images and categories by id; true objects as they were sent; detections by falling "
    "score, of equal scores the one that was sent first, as pycocotools does; the digest covers "
    "them in this order as little-endian float64",
    "ids": '1 and "1" are one id; objects are numbered from 1, since pycocotools takes the id 0 '
    "for no object",
    "area": "`area` of the annotation; where it has none, of its box or mask; of a detection with "
    "a box its box's",
    "crowd": "`iscrowd`: detections in a crowd do not count",
    "pr": "greatest precision at a recall or beyond, mean over the categories with objects",
    "errors": "at `match_iou`, of all detections whose score reaches `threshold`",
    "count_error": f"of an image, of all detections whose score reaches `threshold`; crowds and "
    f"detections in them count in neither; {COUNT_CONVENTION}",
    "confusion": "objects in rows, detections in columns: pairs of one category first, then each "
    "false detection, the best first, with the object of another category that it overlaps most; "
    "`background` is what has no partner",
}
_BACKGROUND = "background"
# Categories whose confusion matrix fits a reply.
_MOST_CONFUSED = 1000


# An IoU of 1 but for rounding counts as 1.
_JUST_BELOW = 1 - 1e-9
# Options that two runs must have in common to be compared.
_SETTLED = (
    *("iou_type", "max_detections", "iou_thresholds", "areas", "pixel_size"),
    "class_agnostic",
)
_NO_IMAGES: Mapping[str, Any] = {"images": [], "annotations": [], "categories": []}


class Detection(Evaluation):
    """Detections against a COCO data set, by boxes or masks."""

    members: ClassVar[tuple[str, ...]] = ("ground_truth", "detections", "groups", "columns")
    nothing: ClassVar[Mapping[str, Any]] = {"ground_truth": _NO_IMAGES, "detections": []}

    iou_type: IouType = "bbox"
    """What is compared: `bbox` or `segm`."""
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Lowest score of the detections in `errors`, `confusion`, `partners`, `cases` and the count
    errors; AP and AR use all."""
    match_iou: Annotated[float, Field(gt=0, le=1)] = 0.5
    """IoU from which a detection hits an object in `errors`, `confusion` and `partners`."""
    max_detections: Annotated[int, Field(ge=1, le=1_000_000)] = COCO_LIMIT
    """Detections that count in AP and AR, the best of each image and category."""
    iou_thresholds: Overlaps | None = None
    """IoU thresholds that AP and AR are means over. Default: 0.5, 0.55, ..., 0.95, as in COCO."""
    areas: Areas | None = None
    """Ranges of areas by name, `{"tiny": [0, 50], "big": [50, null]}`, in square pixels, or square
    micrometres with `pixel_size`. Default: COCO's small, medium and large."""
    faulty: Literal["refuse", "exclude"] = "refuse"
    """What to do with images whose annotations or detections can't be read: refuse all with 422, or
    exclude these images and name them."""
    pixel_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Micrometres per pixel, for `areas`."""
    class_agnostic: bool = False
    """Whether a detection may hit an object of another category; then there are no numbers of
    single categories."""
    list_partners: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """How many true objects to list with the detections that found them."""

    @property
    def rules(self) -> DetectionRules:
        return DetectionRules.of(
            self.max_detections,
            self.iou_thresholds,
            self.areas,
            self.pixel_size,
            class_agnostic=self.class_agnostic,
        )

    def agree(self) -> None:
        """Raises `ConflictingParameter` where options contradict one another."""
        if self.pixel_size is not None and self.areas is None:
            raise ConflictingParameter(
                "`pixel_size` gives `areas` in square micrometres, and COCO's areas are in pixels; "
                "send `areas`, or leave `pixel_size` out.",
                errors=[{"location": "pixel_size"}],
            )

    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        self.agree()
        known = with_columns(data, self.by or ())
        return self.report(self._read(known, limits, self._faults(known, limits)), progress)

    def _read(
        self, data: Mapping[str, Any], limits: DataLimits, faults: Faults = NO_FAULTS
    ) -> CocoDataset:
        return read_scene(data, self.iou_type, self.missing, limits.images, faults, self.by or ())

    def _faults(self, data: Mapping[str, Any], limits: DataLimits) -> Faults:
        """What is wrong with single images. Raises it unless they are to be excluded."""
        if self.faulty == "exclude":
            return find_faults(data, self.iou_type, limits.images)
        faults = find_unanswered(data)
        self._read(data, limits, faults)
        check_annotation_ids(data)
        return faults

    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        """A chunk has whole images: with them, what is in them and what was detected in them."""
        self.agree()
        known = with_columns(data, self.by or ())
        own = {name: known[name] for name in self.members if known.get(name) is not None}
        faults = self._faults(own, limits)
        scene = self._read(own, limits, faults)
        categories = {id_text(key): label for key, label in scene.categories}
        images = own["ground_truth"]["images"]
        frame = {"categories": categories, "groups": "groups" in own if images else None}
        ids = tuple(id_text(image["id"]) for image in images)
        kept = {**own, "faults": dict(faults)} if faults else own
        return PredictionChunk.of_document(kept, len(images), frame, ids)

    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        return self.report(self.scene(joined(parts), limits), progress)

    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, _SETTLED)
        wholes = joined(both.first), joined(both.second)
        shared = Shared.of(*(whole.images for whole in wholes))
        scenes = [self.scene(whole.only(shared.ids), both.limits) for whole in wholes]
        check_same_truth(*scenes)
        judged = [self._judged(scenes[0], both.progress), other._judged(scenes[1], both.progress)]
        one, two = map(self._lines, judged)
        drawing = _drawing(scenes[0], sum(each.sample.work for each in judged))
        design = Design.shared(drawing, scenes[0].groups)
        found = differences(one, two, design, confidence, both.progress)
        return {
            **shared.json(),
            "metrics": below(found, ("metrics",), shared.ids),
            "per_class": [
                {
                    "label": label,
                    "category_id": key,
                    "metrics": below(found, ("per_class", place), shared.ids),
                }
                for place, (key, label) in enumerate(self._of_classes(scenes[0]))
            ],
            "warnings": warned(
                [
                    *other_thresholds(self.threshold, other.threshold),
                    *skipped(found),
                    *few_drawn(drawing, "images", confidence, found.values()),
                ]
            ),
            "conventions": comparison_conventions(confidence),
        }

    def scene(self, whole: JoinedCoco, limits: DataLimits) -> CocoDataset:
        """All chunks as one data set."""
        scene = self._read(whole.data, limits, whole.faults)
        named = (
            entry if entry.id is not None else whole.detected.excluded(entry.row, entry.reason)
            for entry in scene.excluded
        )
        return replace(
            scene,
            excluded=tuple(named),
            annotated=whole.annotated,
            detected=whole.detected,
        )

    def report(self, scene: CocoDataset, progress: Progress) -> dict[str, Any]:
        """The report about a scene in canonical order."""
        judged = self._judged(scene, progress)
        matched = judged.sample.matched
        drawing = _drawing(scene, judged.sample.work)
        found = estimates(self._lines(judged), drawing, self.ci, progress)
        few = few_drawn(drawing, "images", self.ci, found.values())
        faults = errors(scene, judged.outcome, progress, class_agnostic=self.class_agnostic)
        notes = [
            *detection_notes(scene, judged.cells, matched.rules, self.list_partners),
            *count_notes(judged.outcome),
        ]
        excluded = left_out(len(scene.excluded), "Images, annotations or detections")
        return {
            "task": "detection",
            "iou_type": self.iou_type,
            "n": len(scene.images),
            "groups": scene.group_count,
            "detections": len(scene.found),
            **self._settings(),
            "metrics": nested(found, ("metrics",)),
            "per_class": self._per_class(scene, matched, found),
            **self._by(scene, progress),
            "curves": {"pr": curves([areas[0] for areas in matched.ranked], matched.rules)},
            "errors": {**faults.json(), "threshold": self.threshold},
            "confusion": self._confusion(scene, faults),
            "partners": object_partners(scene, faults, self.list_partners),
            "partners_n": sum(not thing.crowd for thing in scene.true),
            "cases": judged.counts.cases(scene.images),
            "worst": self._worst(scene, faults),
            "excluded": [entry.json() for entry in scene.excluded],
            "excluded_n": len(scene.excluded),
            "warnings": warned([*notes, *excluded, *skipped(found), *few, *by_notes(scene.by)]),
            "conventions": {
                **_CONVENTIONS,
                **interval_conventions(self.ci, "images", clustered=scene.groups is not None),
                "ci": self.ci.model_dump(),
            },
            "input_sha256": scene.sha256(),
        }

    def _settings(self) -> dict[str, Any]:
        """By which rules the numbers were found."""
        rules = self.rules
        return {
            "max_detections": rules.limit,
            "iou_thresholds": [round(t, 6) for t in rules.thresholds],
            "areas": [
                {
                    "name": area.name,
                    "low": area.low,
                    "high": area.high if math.isfinite(area.high) else None,
                }
                for area in rules.areas[1:]
            ],
            "class_agnostic": rules.class_agnostic,
        }

    def _per_class(
        self, scene: CocoDataset, matched: Matched, found: dict[MetricPath, Estimate]
    ) -> list[dict[str, Any]]:
        return [
            {
                "label": label,
                "category_id": key,
                "n": matched.ranked[place][0].n,
                "metrics": nested(found, ("per_class", place)),
                "curves": {"pr": curves([matched.ranked[place][0]], matched.rules)},
            }
            for place, (key, label) in enumerate(self._of_classes(scene))
        ]

    def _by(self, scene: CocoDataset, progress: Progress) -> dict[str, Any]:
        """The numbers of the images of each value of a column."""

        def numbers(images: Codes) -> dict[str, Any]:
            part = scene.part(images)
            judged = self._judged(part, progress)
            drawing = _drawing(part, judged.sample.work)
            found = estimates(self._lines(judged), drawing, self.ci, progress)
            classes = self._per_class(part, judged.sample.matched, found)
            return {
                "n": len(part.images),
                "groups": part.group_count,
                "metrics": nested(found, ("metrics",)),
                "per_class": [
                    {name: value for name, value in each.items() if name != "curves"}
                    for each in classes
                ],
            }

        return {"by": by_values(scene.by, numbers)} if scene.by else {}

    def _of_classes(self, scene: CocoDataset) -> tuple[tuple[Any, str], ...]:
        """The categories that have numbers of their own."""
        return () if self.class_agnostic else scene.categories

    def _confusion(self, scene: CocoDataset, faults: DetectionErrors) -> dict[str, Any] | None:
        if len(scene.categories) > _MOST_CONFUSED:
            return None
        labels = (*(label for _, label in scene.categories), _BACKGROUND)
        return confusion(CountTable(faults.counts(scene)), labels, self.threshold)

    def _judged(self, scene: CocoDataset, progress: Progress) -> _Judged:
        rules = self.rules
        least = min(self.match_iou, *rules.thresholds)
        compared = cells(scene, rules, least * _JUST_BELOW, progress)
        outcome = DetectionOutcome.of(scene, compared, self.match_iou, self.threshold)
        sample = Detected(match(scene, compared, rules, progress))
        return _Judged(scene, compared, sample, outcome, FieldCounts.of(scene, outcome))

    def _lines(self, judged: _Judged) -> list[MetricSpec[Any]]:
        family, names, sample = CocoSummary(), self.rules.names, (judged.sample,)
        categories = len(self._of_classes(judged.scene))
        lines: list[MetricSpec[Any]] = [
            MetricSpec(("metrics", name), name, family, sample) for name in names
        ]
        for place in range(categories):
            lines += [
                MetricSpec(("per_class", place, name), f"{name}/{place}", family, sample)
                for name in names
            ]
        return lines + judged.counts.lines(categories)

    def _worst(self, scene: CocoDataset, faults: DetectionErrors) -> list[dict[str, Any]]:
        total = faults.false_by_image + faults.undetected_by_image
        return [
            {
                "id": scene.images[place],
                "error": int(total[place]),
                "false": int(faults.false_by_image[place]),
                "undetected": int(faults.undetected_by_image[place]),
            }
            for place in largest(total.astype(np.float64), self.worst)
        ]


@dataclass(frozen=True, eq=False)
class _Judged:
    """A scene with what its detections come to: in `cells` with their overlaps, in the `sample` at
    all IoUs, in the `outcome` at one."""

    scene: CocoDataset
    cells: list[ImageCategory]
    sample: Detected
    outcome: DetectionOutcome
    counts: FieldCounts


def _drawing(scene: CocoDataset, work: int) -> Drawing:
    """Images are drawn, or whole groups; a resample touches `work` numbers."""
    if scene.groups is not None:
        return Drawing.of(ClusterResampler.of_rows(scene.groups), clustered=True, work=work)
    resampler = RowResampler(np.zeros(len(scene.images), np.int64))
    return Drawing.of(resampler, clustered=False, work=work)
