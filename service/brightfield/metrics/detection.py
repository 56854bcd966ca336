"""Detection: from a COCO data set and detections to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from brightfield.metrics.chunks.chunk import PredictionChunk, RunChunks
from brightfield.metrics.chunks.coco_chunks import JoinedCoco, check_same_truth, id_text, joined
from brightfield.metrics.counted.coco_matches import DETECTION_CAPS, Matched, match
from brightfield.metrics.counted.coco_summary import COCO_METRICS, CocoSummary, Detected, curves
from brightfield.metrics.counted.detection_errors import DetectionErrors, errors
from brightfield.metrics.evaluation import DataLimits, Evaluation, RunPair
from brightfield.metrics.reading.coco import CocoDataset, IouType, read_scene
from brightfield.metrics.reports.comparison import (
    CONVENTIONS,
    Design,
    Shared,
    below,
    differences,
    same_options,
)
from brightfield.metrics.reports.notes import skipped, warned
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, estimates, nested
from brightfield.metrics.statistics.resampling import ClusterResampler, Resampler, RowResampler
from brightfield.progress import Progress

_CONVENTIONS = {
    "order": "images and categories by id; annotations by image, category and id; detections by "
    "image, category, falling score and box, so that equal scores have one order; the digest "
    "covers them as little-endian float64",
    "numbers": "those of pycocotools; ids are numbered from 1 before it sees them, since it takes "
    "the id 0 for no object",
    "max_detections": DETECTION_CAPS[-1],
    "area": "`area` of the annotation; where it has none, of its box or mask",
    "crowd": "`iscrowd`: detections in a crowd do not count",
    "pr": "greatest precision at a recall or beyond, mean over the categories with objects",
    "errors": "at IoU 0.5, of detections whose score reaches `threshold`",
    "bootstrap": "images are drawn, or whole groups",
}


_NO_IMAGES: Mapping[str, Any] = {"images": [], "annotations": [], "categories": []}


class Detection(Evaluation):
    """Detections against a COCO data set, by boxes or masks."""

    members: ClassVar[tuple[str, ...]] = ("ground_truth", "detections", "groups")
    nothing: ClassVar[Mapping[str, Any]] = {"ground_truth": _NO_IMAGES, "detections": []}

    iou_type: IouType = "bbox"
    """What is compared: `bbox` or `segm`."""
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Lowest score of the detections whose errors are counted; the twelve numbers use all."""

    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        scene = read_scene(data, self.iou_type, self.missing, limits.images)
        return self.report(scene, progress)

    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        """A chunk has whole images: with them, what is in them and what was detected in them."""
        own = {name: data[name] for name in self.members if data.get(name) is not None}
        scene = read_scene(own, self.iou_type, self.missing, limits.images)
        categories = {id_text(key): label for key, label in scene.categories}
        frame = {"categories": categories, "groups": "groups" in own if scene.images else None}
        ids = tuple(id_text(image) for image in scene.images)
        return PredictionChunk.of_document(own, len(scene.images), frame, ids)

    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        return self.report(self.scene(joined(parts), limits), progress)

    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, ("iou_type",))
        wholes = joined(both.first), joined(both.second)
        shared = Shared.of(*(whole.images for whole in wholes))
        scenes = [self.scene(whole.only(shared.ids), both.limits) for whole in wholes]
        check_same_truth(*scenes)
        samples = [Detected(match(scene, self.iou_type, both.progress)) for scene in scenes]
        one, two = (self._lines(*pair) for pair in zip(scenes, samples, strict=True))
        design = Design.shared(_sampler(scenes[0]), clustered=scenes[0].groups is not None)
        work = sum(sample.work for sample in samples)
        found = differences(one, two, design, confidence, both.progress, work=work)
        return {
            **shared.json(),
            "metrics": below(found, ("metrics",)),
            "per_class": [
                {"label": label, "category_id": key, "metrics": below(found, ("per_class", place))}
                for place, (key, label) in enumerate(scenes[0].categories)
            ],
            "warnings": warned(skipped(found)),
            "conventions": {**CONVENTIONS, "ci": confidence.model_dump()},
        }

    def scene(self, whole: JoinedCoco, limits: DataLimits) -> CocoDataset:
        """All chunks as one data set."""
        scene = read_scene(whole.data, self.iou_type, self.missing, limits.images)
        named = (whole.origin.excluded(entry.row, entry.reason) for entry in scene.excluded)
        return replace(scene, excluded=tuple(named))

    def report(self, scene: CocoDataset, progress: Progress) -> dict[str, Any]:
        """The report about a scene in canonical order."""
        matched = match(scene, self.iou_type, progress)
        found = self._estimates(scene, matched, progress)
        faults = errors(scene, matched, self.iou_type, self.threshold)
        return {
            "task": "detection",
            "iou_type": self.iou_type,
            "n": len(scene.images),
            "detections": len(scene.found),
            "metrics": nested(found, ("metrics",)),
            "per_class": [
                {
                    "label": label,
                    "category_id": key,
                    "n": matched.ranked[place][0].n,
                    "metrics": nested(found, ("per_class", place)),
                    "curves": {"pr": curves([matched.ranked[place][0]], matched)},
                }
                for place, (key, label) in enumerate(scene.categories)
            ],
            "curves": {"pr": curves([areas[0] for areas in matched.ranked], matched)},
            "errors": {**faults.json(), "threshold": self.threshold},
            "worst": self._worst(scene, faults),
            "excluded": [entry.json() for entry in scene.excluded],
            "excluded_n": len(scene.excluded),
            "warnings": warned(skipped(found)),
            "conventions": {**_CONVENTIONS, "ci": self.ci.model_dump()},
            "input_sha256": scene.sha256(),
        }

    def _estimates(
        self, scene: CocoDataset, matched: Matched, progress: Progress
    ) -> dict[MetricPath, Estimate]:
        sample, clustered = Detected(matched), scene.groups is not None
        lines, sampler = self._lines(scene, sample), _sampler(scene)
        return estimates(lines, sampler, self.ci, progress, clustered=clustered, work=sample.work)

    def _lines(self, scene: CocoDataset, sample: Detected) -> list[MetricSpec[Any]]:
        family = CocoSummary()
        lines: list[MetricSpec[Any]] = [
            MetricSpec(("metrics", name), name, family, (sample,)) for name in COCO_METRICS
        ]
        for place in range(len(scene.categories)):
            lines += [
                MetricSpec(("per_class", place, name), f"{name}/{place}", family, (sample,))
                for name in COCO_METRICS
            ]
        return lines

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


def _sampler(scene: CocoDataset) -> Resampler:
    """Images are drawn, or whole groups."""
    if scene.groups is not None:
        return ClusterResampler.of_rows(scene.groups)
    return RowResampler(np.zeros(len(scene.images), np.int64))
