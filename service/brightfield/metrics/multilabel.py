"""Multilabel classification: rows that have any number of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from brightfield.errors import ConflictingParameter, IncomparableRuns, InvalidParameter
from brightfield.metrics.chunks.chunk import PredictionChunk, RunChunks
from brightfield.metrics.counted.cases import Draws
from brightfield.metrics.evaluation import DataLimits, Evaluation, Names, RunPair, no_points
from brightfield.metrics.reading.by_columns import COLUMNS
from brightfield.metrics.reading.label_options import LabelThresholds
from brightfield.metrics.reading.label_rows import LabelRows, read_label_rows
from brightfield.metrics.reading.rows import Origin
from brightfield.metrics.reports.comparison import (
    Difference,
    Shared,
    below,
    comparison_conventions,
    differences,
    same_options,
)
from brightfield.metrics.reports.interval_words import few_drawn, interval_conventions
from brightfield.metrics.reports.labelled import Labelled, unlike_labels
from brightfield.metrics.reports.notes import left_out, skipped, warned
from brightfield.metrics.reports.paired_design import Design
from brightfield.metrics.reports.parts import by_notes, by_values
from brightfield.metrics.reports.points import Named
from brightfield.metrics.reports.sample import Families
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.family import MetricPath
from brightfield.metrics.statistics.further import FurtherNumbers
from brightfield.metrics.statistics.resampling import Codes
from brightfield.progress import Progress

_CONVENTIONS = {
    "order": "rows by id, else by truth, scores, predictions and group; the digest covers them as "
    "little-endian float64 in this order",
    "rows": "counted from 0, the header of a CSV not counted",
    "missing": "a row counts if the truth and the score or prediction of every label are known",
    "threshold": "a label is predicted if its score reaches its threshold, by default 0.5 of "
    "scores from 0 to 1",
    "macro": "mean over the labels, as in scikit-learn: sensitivity, ppv, f1 and jaccard count a "
    "label without a value as 0, specificity and npv leave it out; numbers of scores are over the "
    "labels that some rows have",
    "micro": "all pairs of a row and a label together",
    "subset_accuracy": "share of rows all of whose labels are right; hamming_loss is the share of "
    "pairs of a row and a label that are wrong",
}
_LISTS = ("truth", "scores", "predictions", "groups", "ids")


class Multilabel(FurtherNumbers, Evaluation):
    """True labels against scores or predicted labels; a row has any number of them."""

    members: ClassVar[tuple[str, ...]] = (*_LISTS, COLUMNS)
    tables: ClassVar[bool] = True
    nothing: ClassVar[Mapping[str, Any]] = {"truth": np.zeros((0, 1)), "scores": np.zeros((0, 1))}

    labels: Names | None = None
    """The labels in the order of their columns. Default: numbers, or the names that rows have."""
    thresholds: LabelThresholds | None = None
    """From which score on a label is predicted, one number or one for each label."""
    curve_points: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    """Largest number of points of a curve in the reply; numbers are computed from all of them."""

    def evaluate(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> dict[str, Any]:
        found = read_label_rows(data, self.labels, self.by, alone=True)
        return self.report(found.complete(self.missing), progress)

    def chunk(
        self, data: Mapping[str, Any], limits: DataLimits, progress: Progress
    ) -> PredictionChunk:
        found = read_label_rows(data, self.labels, self.by, alone=False)
        self._cuts(found.complete(self.missing))
        document = found.document()
        frame = {
            "labels": list(found.labels),
            **{name: name in document for name in _LISTS if name != "truth"},
        }
        return PredictionChunk.of_document(document, found.n, frame, found.ids or ())

    def together(self, parts: RunChunks, limits: DataLimits, progress: Progress) -> dict[str, Any]:
        return self.report(self.rows(parts), progress)

    def points(self, parts: RunChunks, progress: Progress) -> Iterator[Named]:
        found = self._view(self.rows(parts), progress).points()
        if found is None:
            raise no_points()
        return found

    def rows(self, parts: RunChunks) -> LabelRows:
        """The rows of all chunks, in canonical order."""
        if not parts.sizes:
            width = 1 if self.labels is None else len(self.labels)
            data: Mapping[str, Any] = dict.fromkeys(("truth", "scores"), np.zeros((0, width)))
            return read_label_rows(data, self.labels, None, alone=True).complete(self.missing)
        documents = [document for _, _, document in sorted(parts.documents(), key=lambda d: d[0])]
        data = {
            name: [value for document in documents for value in document[name]]
            for name in _LISTS
            if name in documents[0]
        }
        data[COLUMNS] = {
            name: [value for document in documents for value in document[COLUMNS][name]]
            for name in documents[0].get(COLUMNS, ())
        }
        found = read_label_rows(data, tuple(parts.frame["labels"]), self.by, alone=True)
        return replace(found, origin=Origin.of(parts.sizes)).complete(self.missing)

    def against(self, other: Self, both: RunPair, confidence: Confidence) -> dict[str, Any]:
        same_options(self, other, self.asking)
        first, second = self.rows(both.first), other.rows(both.second)
        shared = Shared.of(first.ids, second.ids)
        one, two = first.taken(shared.first), second.taken(shared.second)
        if one.labels != two.labels or not np.array_equal(one.truth, two.truth):
            raise IncomparableRuns(
                "The runs have other labels, or other true labels of the same ids; compare runs "
                "about one data set."
            )
        views = self._view(one, both.progress), other._view(two, both.progress)
        drawing = Draws(one.n, one.codes, confidence, both.progress).drawing
        sides = (views[0].lines(), views[1].lines())
        found = differences(*sides, Design.shared(drawing, one.codes), confidence, both.progress)
        few = few_drawn(drawing, "rows", confidence, found.values())
        return {
            "labels": list(one.labels),
            **shared.json(),
            **_compared(found, views, shared.ids),
            "warnings": warned([*unlike_labels(*views), *skipped(found), *few]),
            "conventions": comparison_conventions(confidence),
        }

    def report(self, rows: LabelRows, progress: Progress) -> dict[str, Any]:
        """The report about complete rows in canonical order."""
        whole = self._view(rows, progress)
        found = whole.report()
        few = few_drawn(whole.draws.drawing, "rows", self.ci, whole.estimates.values())
        excluded = left_out(rows.excluded_n, "Rows")
        notes = [*whole.notes(), *excluded, *skipped(whole.estimates), *few, *by_notes(rows.by)]
        return {
            "task": "multilabel",
            "n": rows.n,
            "groups": rows.group_count,
            "labels": list(rows.labels),
            **found,
            **self._by(rows, whole),
            "warnings": warned(notes),
            "excluded": [entry.json() for entry in rows.excluded],
            "excluded_n": rows.excluded_n,
            "conventions": {
                **_CONVENTIONS,
                **whole.families.conventions,
                **self._intervals(rows),
                "ci": self.ci.model_dump(),
            },
            "input_sha256": rows.sha256(),
        }

    def _intervals(self, rows: LabelRows) -> dict[str, str]:
        """How they were found; of the numbers that other classifications have alone, nothing."""
        auto = self.ci.method == "auto"
        found = interval_conventions(
            self.ci, "rows", clustered=rows.codes is not None, classes=auto
        )
        return {name: text for name, text in found.items() if name not in ("mover", "no_interval")}

    def _by(self, rows: LabelRows, whole: Labelled) -> dict[str, Any]:
        def numbers(places: Codes) -> dict[str, Any]:
            part = rows.taken(places)
            sizes = {"n": part.n, "groups": part.group_count}
            return {**sizes, **whole.part(part).numbers()}

        return {"by": by_values(rows.by, numbers)} if rows.by else {}

    def _view(self, rows: LabelRows, progress: Progress) -> Labelled:
        families, cuts = Families(self.further), self._cuts(rows)
        shown = self.curve_points, self.worst
        return Labelled(rows, families, self.ci, progress, cuts, *shown)

    def _cuts(self, rows: LabelRows) -> Sequence[float] | None:
        """The thresholds of the labels. Raises where they do not fit the rows."""
        if self.thresholds is None:
            return None
        if rows.predictions is not None or rows.scores is None:
            raise ConflictingParameter(
                "`thresholds` are for scores, and `predictions` were sent; send one of them."
            )
        count = len(rows.labels)
        if len(self.thresholds) not in (1, count):
            raise InvalidParameter(
                f"There are {len(self.thresholds)} thresholds and {count} labels; send one, or one "
                "for each label.",
                errors=[{"location": "thresholds", "expected": count}],
            )
        return self.thresholds * count if len(self.thresholds) == 1 else self.thresholds


def _compared(
    found: Mapping[MetricPath, Difference], views: Sequence[Labelled], ids: Sequence[str]
) -> dict[str, Any]:
    """The differences of all numbers, as a comparison shows them."""
    lacking = {key: value.undefined for view in views for key, value in view.missing().items()}
    missing = {key: Difference(None, None, why, why or "mixed") for key, why in lacking.items()}
    every = {**found, **missing}
    return {
        "metrics": below(every, ("metrics",), ids),
        "per_class": [
            {"label": label, "class_id": c, "metrics": below(every, ("per_class", c), ids)}
            for c, label in enumerate(views[0].rows.labels)
        ],
    }
