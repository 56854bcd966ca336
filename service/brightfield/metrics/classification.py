"""Classification: from true classes and scores to the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator

from brightfield.errors import ConflictingParameter, InvalidParameter
from brightfield.images.picture import Note
from brightfield.metrics.chunks.chunk import PredictionChunk, RunChunks
from brightfield.metrics.chunks.frames import RunSchema
from brightfield.metrics.counted.operating_point import ThresholdRule
from brightfield.metrics.evaluation import DataLimits, Evaluation, Names, RunPair, no_points
from brightfield.metrics.families.weighted_kappa import KappaWeights
from brightfield.metrics.reading.digests import copies, with_digests
from brightfield.metrics.reading.groups import Groups
from brightfield.metrics.reading.predictions import Predictions
from brightfield.metrics.reading.reading import read_predictions
from brightfield.metrics.reading.rows import Rows
from brightfield.metrics.reports.binary import Binary
from brightfield.metrics.reports.compared_classes import (
    aligned,
    chosen_here,
    class_differences,
    class_report,
    other_points,
    scores_of_one,
)
from brightfield.metrics.reports.comparison import comparison_conventions, same_options
from brightfield.metrics.reports.interval_words import few_units, interval_conventions
from brightfield.metrics.reports.multiclass import Multiclass
from brightfield.metrics.reports.notes import left_out, skipped, warned
from brightfield.metrics.reports.parts import by_notes, by_values
from brightfield.metrics.reports.points import Named
from brightfield.metrics.reports.sample import Families, Sample
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.further import FurtherNumbers
from brightfield.metrics.statistics.resampling import Codes
from brightfield.progress import Progress

_CONVENTIONS = {
    "order": "rows by id, else by truth, scores, prediction and group; the digest covers truth, "
    "scores, prediction and group as little-endian float64 in this order",
    "rows": "counted from 0, the header of a CSV not counted",
    "threshold": "positive means score >= threshold; ties between thresholds go to the higher "
    "sensitivity",
    "roc": "from (0, 0), whose threshold is null; every distinct score is a threshold",
    "pr": "to recall 0, where precision is taken as 1 and the threshold is null",
    "auroc": "ties count half",
    "average_precision": "sum of recall steps times precision; not a trapezoid",
    "confusion": "rows are the truth, columns the prediction; normalized by the actual class",
    "macro": "mean over the classes that have members or are predicted, as in scikit-learn: "
    "sensitivity, ppv, f1 and jaccard count a class without a value as 0, specificity and npv "
    "leave it out; numbers of scores are over the classes with members",
    "micro": "all pairs of a row and a class together",
    "brier": "two classes: mean (p - y)^2; more: the sum over classes",
    "log_loss": "natural logarithm; probabilities are cut to [2.2e-16, 1 - 2.2e-16]",
    "calibration": "bins of equal width with their upper edge; the positive class of two, the "
    "most probable class of more; slope and intercept by the logits, without bins",
    "two_columns": "scores that sum to 1 in each row: the positive class's; others: its score "
    "minus the other's",
    "likelihood_ratio": "lr_positive = sensitivity / (1 - specificity), lr_negative = "
    "(1 - sensitivity) / specificity",
}
# The labels of a run in which every score is missing.
_UNSEEN = ("0", "1")


class Classification(FurtherNumbers, Evaluation):
    """True classes against scores or predicted classes, of two or more classes."""

    members: ClassVar[tuple[str, ...]] = (
        *("truth", "scores", "predictions", "groups", "ids"),
        "columns",
    )
    tables: ClassVar[bool] = True
    nothing: ClassVar[Mapping[str, Any]] = {"truth": [], "scores": []}
    asking: ClassVar[tuple[str, ...]] = (*FurtherNumbers.asking, "top_k", "kappa_weights")

    labels: Names | None = None
    """The classes in the order of their numbers and scores. Default: numbers; texts need them, but
    for pairs such as no and yes."""
    positive: str | int | None = None
    """Label or number of the positive class of two. Default: the second of `labels`."""
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """A threshold that was chosen beforehand, on other data."""
    operating_point: str | None = None
    """`youden`, `sensitivity>=0.9`, `specificity>=0.95` or `cost=5`. Default: 0.5 for
    probabilities, Youden's point for other scores."""
    curve_points: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    """Largest number of points of a curve in the reply; numbers are computed from all of them."""
    bins: Annotated[int, Field(ge=1, le=1000)] = 10
    """Number of bins of the calibration errors."""
    top_k: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Asks for `top_k_accuracy`: how often the true class has one of the k greatest scores."""
    kappa_weights: KappaWeights | None = None
    """Asks for `weighted_kappa` of ordered classes, in which near misses count less."""

    @field_validator("operating_point")
    @classmethod
    def _rule(cls, value: str | None) -> str | None:
        return None if value is None else str(ThresholdRule.parse(value))

    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        by = with_digests(data, self.by)
        found = read_predictions(data, self.labels, alone=True, positive=self.positive, by=by)
        return self.report(found.rows(self.missing), progress)

    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        by = with_digests(data, self.by)
        found = read_predictions(data, self.labels, alone=False, by=by)
        rows, frame = found.rows(self.missing), self._frame(found)
        self._agree(rows)
        if len(rows.labels) == 2:
            self._positive(rows)
        return PredictionChunk.of_predictions(found, frame)

    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        return self.report(self.rows(parts), progress)

    def points(self, parts: RunChunks, progress: Progress) -> Iterator[Named]:
        found = self._view(self.rows(parts), progress).points()
        if found is None:
            raise no_points()
        return found

    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, ("bins", *self.asking))
        first, second, shared = aligned(self.rows(both.first), other.rows(both.second))
        if len(first.labels) == 2 and self._positive(first) != other._positive(second):
            same_options(self, other, ("positive",))
        views = self._view(first, both.progress), other._view(second, both.progress)
        found = class_differences(*views, confidence, both.progress)
        few: list[Note] = []
        if first.groups is not None:
            count = int(first.groups.max(initial=-1)) + 1
            few = few_units(count, "groups", confidence, found.values())
        return {
            "labels": list(first.labels),
            **shared.json(),
            **class_report(first.labels, found, shared.ids),
            "warnings": warned(
                [
                    *scores_of_one(*views),
                    *other_points(*views),
                    *chosen_here(*views),
                    *skipped(found),
                    *few,
                ]
            ),
            "conventions": comparison_conventions(confidence),
        }

    def rows(self, parts: RunChunks) -> Rows:
        """The rows of all parts, in canonical order."""
        if not parts.sizes:
            return read_predictions(self.nothing, self.labels, alone=True).rows(self.missing)
        labels = parts.frame.get("labels") or _UNSEEN
        return parts.predictions(tuple(labels)).rows(self.missing)

    def _frame(self, found: Predictions) -> RunSchema:
        """A chunk in which every score is missing does not tell how many a row has."""
        untold = found.blank and self.labels is None
        width: int | bool | None = False
        if found.scores is not None:
            columns = 1 if found.scores.ndim == 1 else found.scores.shape[1]
            width = None if found.blank else columns
        return {
            "labels": None if untold else list(found.labels),
            "scores": width,
            "predictions": found.predictions is not None,
            "groups": found.groups is not None,
            "ids": found.ids is not None,
            **({"by": list(found.by)} if found.by else {}),
        }

    def report(self, rows: Rows, progress: Progress) -> dict[str, Any]:
        """The report about rows in canonical order."""
        self._agree(rows)
        whole = self._view(rows, progress)
        found = whole.report()
        conventions: dict[str, Any] = {
            **_CONVENTIONS,
            **Families(self.further).conventions,
            **interval_conventions(
                self.ci, "rows", clustered=rows.groups is not None, classes=True
            ),
        }
        return {
            "task": "classification",
            "n": rows.n,
            "groups": rows.group_count,
            "labels": list(rows.labels),
            **found,
            **self._by(rows, whole),
            "warnings": warned([*found["warnings"], *self._notes(rows)]),
            "excluded": [entry.json() for entry in rows.excluded],
            "excluded_n": rows.excluded_n,
            "conventions": {**conventions, "ci": self.ci.model_dump()},
            "input_sha256": rows.sha256(),
        }

    def _notes(self, rows: Rows) -> list[Note]:
        """What to know of the rows."""
        excluded = left_out(rows.excluded_n, "Rows")
        return [*by_notes(self._parts(rows)), *copies(rows), *excluded]

    def _by(self, rows: Rows, whole: Binary | Multiclass) -> dict[str, Any]:
        """The numbers of parts, at the threshold of the whole."""

        def numbers(places: Codes) -> dict[str, Any]:
            part = rows.part(places)
            sizes = {"n": part.n, "groups": part.group_count}
            return {**sizes, **whole.part(part).numbers()}

        parts = self._parts(rows)
        return {"by": by_values(parts, numbers)} if parts else {}

    def _parts(self, rows: Rows) -> dict[str, Groups]:
        """The columns by whose values there are numbers; digests only tell copies."""
        return {name: rows.by[name] for name in self.by or ()}

    def _view(self, rows: Rows, progress: Progress) -> Binary | Multiclass:
        sample = Sample(rows, self.ci, progress, Families(self.further))
        if len(rows.labels) > 2:
            return Multiclass(sample, self.curve_points, self.bins, self.worst)
        rule = None if self.operating_point is None else ThresholdRule.parse(self.operating_point)
        shown = self.curve_points, self.bins, self.worst
        return Binary(sample, self._positive(rows), rule, self.threshold, *shown)

    def _positive(self, rows: Rows) -> int:
        if self.positive is None:
            return 1
        text = str(self.positive)
        if text in rows.labels:
            return rows.labels.index(text)
        if text.isdecimal() and int(text) < 2:
            return int(text)
        raise InvalidParameter(
            f"positive={text!r} is none of the labels {', '.join(rows.labels)}.",
            errors=[{"location": "positive", "expected": list(rows.labels), "received": text}],
        )

    def _agree(self, rows: Rows) -> None:
        """Refuse options that contradict one another or the rows."""
        chosen = [
            name for name in ("threshold", "operating_point") if getattr(self, name) is not None
        ]
        if len(chosen) > 1:
            raise ConflictingParameter(
                "A threshold is frozen or chosen by a rule; send `threshold` or `operating_point`."
            )
        if chosen and (rows.predictions is not None or rows.scores is None):
            raise ConflictingParameter(
                f"`{chosen[0]}` is for scores, and `predictions` were sent; send one of them."
            )
        self._agree_further(rows)
        if len(rows.labels) > 2 and (chosen or self.positive is not None):
            name = "positive" if not chosen else chosen[0]
            raise InvalidParameter(
                f"`{name}` is for two classes, and there are {len(rows.labels)}; with more, the "
                "greatest score is the prediction.",
                errors=[{"location": name}],
            )

    def _agree_further(self, rows: Rows) -> None:
        """Refuse numbers that these classes cannot have."""
        count = len(rows.labels)
        if self.top_k is not None and (count == 2 or self.top_k >= count):
            raise InvalidParameter(
                f"top_k={self.top_k} of {count} classes says nothing: it is for more than two "
                "classes, and less than their number; send less, or leave it out.",
                errors=[{"location": "top_k", "received": self.top_k}],
            )
        numbered = all(text.isdecimal() for text in rows.labels)
        if self.kappa_weights is not None and self.labels is None and not numbered:
            raise InvalidParameter(
                "`kappa_weights` depend on the order of the classes; name them with `labels`, from "
                "the lowest to the highest.",
                errors=[{"location": "labels", "expected": list(rows.labels)}],
            )
