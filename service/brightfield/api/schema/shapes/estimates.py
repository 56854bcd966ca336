"""The numbers of reports: estimates with intervals, curves, tables of counts."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, Span
from brightfield.api.schema.shapes.shape import open_shape, shape
from brightfield.metrics.counted.detection_partners import ObjectOutcome
from brightfield.metrics.reading.rows import MissingReason
from brightfield.metrics.reports.paired_tests import PairedTestName
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import IntervalMethod, Reason

CountRows = list[list[Natural]]


@shape
class MetricEstimate(TypedDict):
    """A number, its interval, and why either may be missing."""

    value: float | None
    ci: Span | None
    """[low, high]."""
    clipped: bool
    """Whether the interval was cut to what the metric can be."""
    method: IntervalMethod | None
    """How the interval was found."""
    n: Natural
    """Observations that the number rests on."""
    undefined: Reason | None
    """Why there is no value."""
    ci_undefined: Reason | None
    """Why there is no interval."""


Metrics = dict[str, MetricEstimate]


@shape
class UnsharedIds(TypedDict):
    """Ids that one of two runs has alone."""

    n: Natural
    ids: list[str]
    """The first hundred."""


@shape
class MetricDifference(TypedDict):
    """A number of two runs, and the interval of their difference."""

    a: float | None
    b: float | None
    difference: float | None
    """a less b."""
    ci: Span | None
    method: IntervalMethod | None
    p_value: Annotated[float, Field(ge=0, le=1)] | None
    """Two-sided."""
    test: PairedTestName | None
    """How the p-value was found."""
    discordant: list[Natural] | None
    """Of `mcnemar`: rows that a alone has right, and b alone."""
    n: Natural
    """Rows, cases or images that the difference is over."""
    lacking_a: UnsharedIds
    """Cases that only b has a value of."""
    lacking_b: UnsharedIds
    undefined: Reason | None
    ci_undefined: Reason | None


@shape
class RocCurve(TypedDict):
    """False and true positive rate by descending threshold, from (0, 0)."""

    fpr: list[float]
    tpr: list[float]
    thresholds: list[float | None]
    """The first, at (0, 0), is null."""
    undefined: Reason | None
    """Why there are no points."""


@shape
class PrecisionRecallCurve(TypedDict):
    """Precision and recall by ascending threshold, to recall 0."""

    precision: list[float]
    recall: list[float]
    thresholds: list[float | None]
    """The last, at recall 0, is null."""
    undefined: Reason | None
    """Why there are no points."""


@shape
class ThresholdCounts(TypedDict):
    """The four counts at each threshold, descending."""

    threshold: list[float]
    tp: list[Natural]
    fp: list[Natural]
    tn: list[Natural]
    fn: list[Natural]


@shape
class ScoreHistogram(TypedDict):
    """How many rows of each class have a score in a bin, which holds its lower edge. The threshold
    is an edge."""

    edges: list[float]
    """One more than there are bins; scores far beyond are in the first and last bin."""
    positives: list[Natural]
    negatives: list[Natural]


@shape
class CalibrationBins(TypedDict):
    """How often what was predicted comes true, by bins of the score."""

    edges: list[float]
    """One more than there are bins."""
    count: list[Natural]
    mean_score: list[float | None]
    fraction: list[float | None]
    ci: list[Span | None]


@shape
class ClassCurves(TypedDict):
    """The curves of a class against the rest; null without scores."""

    roc: RocCurve | None
    pr: PrecisionRecallCurve | None


@shape
class ScoreCurves(ClassCurves):
    """The curves over all classes; null where there are none."""

    thresholds: ThresholdCounts | None
    histogram: ScoreHistogram | None
    """Of two classes."""
    calibration: CalibrationBins | None


@shape
class CocoCurve(TypedDict):
    """Precision at 101 recalls, for each threshold of IoU."""

    recall: list[float]
    iou: list[float]
    precision: list[list[float]]


@shape
class DetectionCurves(TypedDict):
    """The curves of detections; null if there are no objects."""

    pr: CocoCurve | None


@shape
class ConfusionTable(TypedDict):
    """Counts with the truth in rows and the prediction in columns."""

    labels: list[str]
    counts: CountRows | None
    normalized: list[list[float] | None] | None
    """Each row by its sum; null for a class without members."""
    threshold: float | None
    """From which a score is positive, of two classes."""
    undefined: NotRequired[Reason | None]
    """Why there is no table."""


@shape
class OperatingPoint(TypedDict):
    """Where scores become predictions, of two classes."""

    rule: str
    """`frozen`, `probability`, `predictions`, or the rule that chose it."""
    threshold: float | None
    positive: str
    """The positive class."""
    sensitivity: MetricEstimate
    specificity: MetricEstimate
    undefined: Reason | None


class NamedRow(TypedDict):
    """By what a reader knows a row: its id, or its place in what was sent or in a chunk."""

    id: NotRequired[str | int]
    row: NotRequired[Natural]
    chunk: NotRequired[str]


@shape
class ExcludedRow(NamedRow):
    """A row that was left out."""

    reason: MissingReason
    detail: NotRequired[str]
    """What is wrong with one that cannot be read."""


@open_shape
class ReportConventions(TypedDict):
    """By which definitions the numbers were found."""

    ci: Confidence


@shape
class ReportMaking(TypedDict):
    """By which version the report was made, and when."""

    brightfield: str
    """The version."""
    date: str
    """The day on which its data were complete: today, or when the run was last changed (UTC)."""


@shape
class ReportedRun(TypedDict):
    """The run that a report is about."""

    id: str
    name: str | None
    chunks: Natural
    rows: Natural


@shape
class DetectionErrorCounts(TypedDict):
    """False detections by their kind, and missed objects."""

    classification: Natural
    localization: Natural
    both: Natural
    duplicate: Natural
    background: Natural
    missed: Natural


@shape
class DetectionFaults(TypedDict):
    """What goes wrong with all detections from a score on."""

    iou: float
    """From which a detection hits an object."""
    background_iou: float
    """Below which there is no object."""
    detections: Natural
    """How many were counted."""
    true_positives: Natural
    undetected: Natural
    counts: DetectionErrorCounts
    threshold: float | None
    """Least score of the detections that were counted."""


@shape
class CountedAreas(TypedDict):
    """A range of areas, both ends included."""

    name: str
    low: float
    """In square pixels."""
    high: float | None


@shape
class DetectionRow(TypedDict):
    """A detection by its place in the list that was sent, or in that of a chunk."""

    row: Natural
    chunk: NotRequired[str]


@shape
class FoundObject(TypedDict):
    """A true object and the detection that found it."""

    image_id: int | str
    id: NotRequired[int | str]
    """Its id, else its row."""
    row: NotRequired[Natural]
    chunk: NotRequired[str]
    label: str
    outcome: ObjectOutcome
    """`found`, `confused` (with a detection of another class), or `missed`."""
    detection: DetectionRow | None
    prediction: str | None
    """The detection's class."""
    score: float | None
    iou: float | None


@shape
class ObjectCounts(TypedDict):
    """How many objects there are in all cases together."""

    true: Natural
    found: Natural
    merges: Natural
    splits: Natural


Unit = Literal["pixel", "um"]
