"""Reports about predictions, and evaluation runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning, Sha256, Span, UnixTime
from brightfield.api.schema.shapes.estimates import (
    ClassCurves,
    ConfusionTable,
    CountedAreas,
    DetectionCurves,
    DetectionFaults,
    ExcludedRow,
    FoundObject,
    LabelMetrics,
    MetricDifference,
    Metrics,
    NamedRow,
    ObjectCounts,
    OperatingPoint,
    PartMetrics,
    ReportConventions,
    ReportedRun,
    ReportMaking,
    ScoreCurves,
    Unit,
    UnsharedIds,
    WorstLabels,
)
from brightfield.api.schema.shapes.requirements import JudgedRequirement
from brightfield.api.schema.shapes.shape import open_shape, shape, union
from brightfield.metrics.reading.coco import IouType
from brightfield.metrics.statistics.estimate import Reason
from brightfield.tasks.objects.segmentation import Mode


@shape
class NamedRun(TypedDict):
    """A run of a comparison."""

    id: str
    name: str | None


@shape
class ClassDifferences(TypedDict):
    """How much the numbers of a class differ."""

    label: str
    class_id: NotRequired[Natural]
    category_id: NotRequired[int | str]
    metrics: dict[str, MetricDifference]


@shape
class RunComparison(TypedDict):
    """How much the numbers of two runs differ, over the ids that both have."""

    task: str
    a: NamedRun
    b: NamedRun
    n: Natural
    """How many ids both have."""
    only_a: UnsharedIds
    only_b: UnsharedIds
    labels: NotRequired[list[str]]
    metrics: dict[str, MetricDifference]
    pooled: NotRequired[dict[str, MetricDifference]]
    per_class: NotRequired[list[ClassDifferences]]
    warnings: list[ReplyWarning]
    requirements: NotRequired[list[JudgedRequirement]]
    """Of `require`."""
    conventions: ReportConventions


class _Report(TypedDict):
    n: Natural
    """Rows, cases or images that the numbers rest on."""
    groups: Natural | None
    """How many groups they are of, if any."""
    metrics: Metrics
    by: NotRequired[list[PartMetrics]]
    """With the option `by`: the same numbers for each value of its columns."""
    warnings: list[ReplyWarning]
    excluded: list[ExcludedRow]
    """The rows that were left out; of many only the first."""
    excluded_n: Natural
    conventions: ReportConventions
    input_sha256: Sha256
    """Of what was evaluated, in canonical order."""
    about: NotRequired[dict[str, Any]]
    """What the predictions rest on, as whoever sent them says."""
    made: NotRequired[ReportMaking]
    run: NotRequired[ReportedRun]
    """The run that it is about, if it is about one."""
    requirements: NotRequired[list[JudgedRequirement]]
    """Of `require` and `baseline`."""
    baseline: NotRequired[RunComparison]
    """How much it differs from the run that it was compared with."""


@shape
class ClassMetrics(TypedDict):
    """The numbers of one class against the rest."""

    label: str
    class_id: Natural
    n: Natural
    metrics: Metrics
    curves: ClassCurves


@shape
class WorstRow(NamedRow):
    """A row with a large error."""

    truth: str
    prediction: NotRequired[str]
    score: NotRequired[float | list[float]]
    error: float


@shape
class ClassificationReport(_Report):
    """How good predicted classes or scores are."""

    task: Literal["classification"]
    labels: list[str]
    per_class: list[ClassMetrics]
    """Of more than two classes."""
    curves: ScoreCurves
    confusion: ConfusionTable
    operating_point: OperatingPoint | None
    """Of two classes."""
    worst: list[WorstRow]


@shape
class MultilabelReport(_Report):
    """How good predicted labels are, of which a row has any number."""

    task: Literal["multilabel"]
    labels: list[str]
    per_class: list[LabelMetrics]
    curves: ClassCurves
    """Of all labels together."""
    thresholds: list[float] | None
    """From which score on each label is predicted."""
    worst: list[WorstLabels]


@shape
class MaskClassMetrics(TypedDict):
    """The numbers of one class of masks."""

    label: str
    class_id: Natural
    metrics: Metrics


@open_shape
class SegmentationCase(NamedRow):
    """The numbers of a pair of masks; of objects also pq, sq, rq, f1 and what was merged or split.
    Those that are null have a reason in `undefined`."""

    iou: float | None
    dice: float | None
    pixel_accuracy: float | None
    hd95: float | None
    assd: float | None
    nsd: float | None
    undefined: dict[str, Reason]


@shape
class WorstCase(NamedRow):
    """A case with a large error."""

    error: float
    of: str
    """The number that the error is of."""


@shape
class SegmentationReport(_Report):
    """How good predicted masks are."""

    task: Literal["segmentation"]
    mode: Mode
    labels: list[str]
    unit: Unit
    """Of distances."""
    pooled: Metrics
    """Over all cases together."""
    per_class: list[MaskClassMetrics]
    objects: ObjectCounts | None
    """With `mode=instance`."""
    confusion: ConfusionTable
    cases: list[SegmentationCase]
    worst: list[WorstCase]


@shape
class RestorationCase(NamedRow):
    """The numbers of a pair of images. Those that are null have a reason in `undefined`."""

    mse: float | None
    rmse: float | None
    mae: float | None
    psnr: float | None
    ssim: float | None
    undefined: dict[str, Reason]


@shape
class RestorationReport(_Report):
    """How close images come to their references."""

    task: Literal["restoration"]
    data_range: Span
    """Least and greatest value that images may have; the difference is the peak."""
    luminance: bool
    border: Natural
    pooled: Metrics
    """Over all pixels of all pairs."""
    cases: list[RestorationCase]
    worst: list[WorstCase]


@shape
class CategoryMetrics(TypedDict):
    """The numbers of one category of objects."""

    label: str
    category_id: int | str
    n: Natural
    metrics: Metrics
    curves: DetectionCurves


@shape
class WorstImage(TypedDict):
    """An image with many errors."""

    id: int | str
    error: Natural
    false: Natural
    undetected: Natural


@shape
class CountedImage(TypedDict):
    """How many objects an image has, and how many were found."""

    id: int | str
    true_objects: Natural
    found_objects: Natural
    count_error: int
    """Found less true."""


@shape
class DetectionReport(_Report):
    """How good detections are."""

    task: Literal["detection"]
    iou_type: IouType
    detections: Natural
    max_detections: Natural
    """Detections of an image and category that count in AP and AR."""
    iou_thresholds: list[float]
    areas: list[CountedAreas]
    class_agnostic: bool
    per_class: list[CategoryMetrics]
    curves: DetectionCurves
    errors: DetectionFaults
    confusion: ConfusionTable | None
    """The last class stands for what has no partner; null for more than 1,000 classes."""
    partners: list[FoundObject]
    """True objects with the detections that found them; of many only the first."""
    partners_n: Natural
    """How many true objects there are."""
    cases: list[CountedImage]
    worst: list[WorstImage]


REPORT = union(
    "EvaluationReport",
    "How good predictions are.",
    ClassificationReport,
    DetectionReport,
    MultilabelReport,
    RestorationReport,
    SegmentationReport,
)


@shape
class EvaluationRun(TypedDict):
    """An evaluation whose predictions come in chunks."""

    id: Annotated[str, Field(pattern="^run_")]
    name: str | None
    task: str
    options: dict[str, Any]
    """Those of the evaluation."""
    created: UnixTime
    touched: UnixTime
    """When it was last changed."""
    chunks: Natural
    rows: Natural


@shape
class RunList(TypedDict):
    """Some of the runs, the newest first."""

    runs: list[EvaluationRun]
    total: Natural
    limit: Natural
    offset: Natural


@shape
class RunChunk(TypedDict):
    """A chunk of a run."""

    key: str
    rows: Natural
    sha256: Sha256


@shape
class RunChunkList(TypedDict):
    """The chunks of a run."""

    chunks: list[RunChunk]
