"""The report about two classes: one is positive, and a score says how much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.counted.confusion import confusion
from brightfield.metrics.counted.counts import CountTable, OneAgainstRest
from brightfield.metrics.counted.curves import precision_recall, roc, selection, threshold_table
from brightfield.metrics.counted.forecasts import Forecasts
from brightfield.metrics.counted.histogram import score_histogram
from brightfield.metrics.counted.operating_point import ThresholdRule
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.families.calibration import reliability
from brightfield.metrics.reading.rows import Rows
from brightfield.metrics.reports.notes import called_round, from_same_data, turned_round
from brightfield.metrics.reports.points import Named, curve_points, table_points
from brightfield.metrics.reports.sample import (
    Sample,
    are_probabilities,
    lines,
    undefined,
    worst_rows,
)
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.estimate import Estimate, Reason
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, nested
from brightfield.metrics.statistics.resampling import Codes

_DEFAULT = 0.5
_RATES = ("sensitivity", "specificity")
_HERE: MetricPath = ("metrics",)


@dataclass(frozen=True, slots=True)
class OperatingChoice:
    """The operating point: by which rule, where, or why nowhere."""

    rule: str
    threshold: float = math.nan
    undefined: Reason | None = None
    on_same_data: bool = False

    @property
    def known(self) -> bool:
        return not math.isnan(self.threshold)

    @property
    def shown(self) -> float | None:
        return self.threshold if math.isfinite(self.threshold) else None

    @property
    def told(self) -> str:
        """The threshold with the rule that chose it."""
        return f"{self.threshold:.6g} ({self.rule})"

    def same_as(self, other: OperatingChoice) -> bool:
        """Whether both were chosen by one rule of sensitivity, specificity or cost, or are the same
        threshold; predicted classes and missing thresholds are compared as they are."""
        if not (self.known and other.known):
            return True
        by_rule = self.rule == other.rule and self.rule.partition(">")[0] in _RATES
        return by_rule or self.threshold == other.threshold


@dataclass(frozen=True, eq=False)
class Binary:
    """Options of the report beside those of the sample."""

    sample: Sample
    positive: int
    rule: ThresholdRule | None
    threshold: float | None
    curve_points: int
    bins: int
    worst: int
    of: Binary | None = None
    """The whole that these rows are a part of, whose threshold they have."""

    @cached_property
    def scores(self) -> NDArray[np.float64] | None:
        """(n,) of the positive class: of two columns the one, or their difference (logits)."""
        scores = self.sample.rows.scores
        if scores is None or scores.ndim == 1:
            return scores
        if are_probabilities(scores):
            return scores[:, self.positive]
        return scores[:, self.positive] - scores[:, 1 - self.positive] + 0.0

    @cached_property
    def is_positive(self) -> NDArray[np.bool_]:
        return np.asarray(self.sample.rows.truth == self.positive)

    @cached_property
    def ranking(self) -> Ranking | None:
        return None if self.scores is None else Ranking.of(self.scores, self.is_positive)

    @cached_property
    def probable(self) -> bool:
        if self.of is not None:
            return self.of.probable
        return self.scores is not None and are_probabilities(self.scores)

    @cached_property
    def forecasts(self) -> Forecasts | None:
        if self.scores is None or not self.probable:
            return None
        return Forecasts.binary(self.scores, self.is_positive, self.bins)

    @cached_property
    def choice(self) -> OperatingChoice:
        """Where the threshold is: as told, by the rule, 0.5 of probabilities, else by Youden."""
        if self.of is not None:
            return self.of.choice
        if self.sample.rows.predictions is not None:
            return OperatingChoice("predictions")
        if self.threshold is not None:
            return OperatingChoice("frozen", self.threshold)
        if self.rule is None and self.probable:
            return OperatingChoice("probability", _DEFAULT)
        rule, ranking = self.rule or ThresholdRule("youden"), self.ranking
        assert ranking is not None
        reason = rule.undefined(ranking)
        if reason is not None:
            return OperatingChoice(str(rule), undefined=reason)
        return OperatingChoice(str(rule), rule.threshold(ranking), on_same_data=True)

    def report(self) -> dict[str, Any]:
        """Everything but what all reports share."""
        found = self._estimates()
        return {
            "metrics": nested(found, _HERE),
            "per_class": [],
            "curves": self._curves(),
            "confusion": self._confusion(),
            "operating_point": self._operating_point(found),
            "worst": self._worst(),
            "warnings": self._warnings(found),
        }

    def part(self, rows: Rows) -> Binary:
        """Some of the rows, at the threshold of all."""
        return replace(self, sample=replace(self.sample, rows=rows), of=self)

    def numbers(self) -> dict[str, Any]:
        """The numbers alone."""
        return {"metrics": nested(self._estimates(), _HERE)}

    def points(self) -> Iterator[Named] | None:
        """Every point of the curves, or None where there are no scores."""
        if self.ranking is None:
            return None
        return chain(curve_points(self.ranking), table_points(self.ranking))

    @cached_property
    def predicted(self) -> Codes | None:
        """The class of each row: as sent, or by the threshold; None where there is none."""
        if self.sample.rows.predictions is not None:
            return self.sample.rows.predictions
        if self.scores is None or not self.choice.known:
            return None
        return np.where(self.scores >= self.choice.threshold, self.positive, 1 - self.positive)

    @cached_property
    def table(self) -> CountTable | None:
        """The counts at the operating point."""
        predicted = self.predicted
        return None if predicted is None else CountTable.of(self.sample.rows.truth, predicted, 2)

    def row_lines(self) -> list[MetricSpec[Any]]:
        """The numbers that scores give, whose units are rows."""
        if self.ranking is None:
            return []
        families = self.sample.families
        wanted = lines(families.rankings, self.ranking, _HERE)
        if self.forecasts is None:
            return wanted
        return [*wanted, *lines(families.forecasts, self.forecasts, _HERE)]

    def cell_lines(self) -> list[MetricSpec[Any]]:
        """The numbers of the table of counts."""
        if self.table is None:
            return []
        chosen, families = OneAgainstRest(self.table, self.positive), self.sample.families
        return [
            *lines(families.tables, self.table, _HERE),
            *lines(families.rates, chosen, _HERE),
        ]

    def missing(self) -> dict[MetricPath, Estimate]:
        """The numbers that there are no lines of, and why."""
        families, n = self.sample.families, self.sample.rows.n
        found: dict[MetricPath, Estimate] = {}
        if self.ranking is None:
            found |= undefined(families.rankings, Estimate.missing("no_scores", n), _HERE)
        if self.forecasts is None:
            reason: Reason = "no_scores" if self.ranking is None else "not_probabilities"
            found |= undefined(families.forecasts, Estimate.missing(reason, n), _HERE)
        if self.table is None:
            nowhere = Estimate.missing("no_threshold", n)
            found |= undefined([*families.tables, *families.rates], nowhere, _HERE)
        return found

    def _estimates(self) -> dict[MetricPath, Estimate]:
        found = self.sample.of_rows(self.row_lines())
        if self.table is not None and self.predicted is not None:
            found |= self.sample.of_cells(self.cell_lines(), self.table, self.predicted)
        return found | self.missing()

    def _curves(self) -> dict[str, Any]:
        if self.ranking is None:
            return dict.fromkeys(("roc", "pr", "thresholds", "histogram", "calibration"))
        operating = self.choice.threshold if self.choice.known else None
        places = selection(self.ranking, self.curve_points - 1, operating)
        known = self.forecasts
        return {
            "roc": roc(self.ranking, places),
            "pr": precision_recall(self.ranking, places),
            "thresholds": threshold_table(self.ranking, places),
            "histogram": score_histogram(self.ranking, self.choice.shown, probable=self.probable),
            "calibration": known and reliability(known, self.sample.level),
        }

    def _confusion(self) -> dict[str, Any]:
        rows = self.sample.rows
        if self.table is None:
            empty = {"labels": list(rows.labels), "counts": None, "normalized": None}
            return {**empty, "threshold": None, "undefined": self.choice.undefined}
        return {**confusion(self.table, rows.labels, self.choice.shown), "undefined": None}

    def _operating_point(self, found: dict[MetricPath, Estimate]) -> dict[str, Any]:
        choice = self.choice
        return {
            "rule": choice.rule,
            "threshold": choice.shown,
            "positive": self.sample.rows.labels[self.positive],
            "sensitivity": found["metrics", "sensitivity"].json(),
            "specificity": found["metrics", "specificity"].json(),
            "undefined": choice.undefined,
        }

    def _worst(self) -> Sequence[Any]:
        rows, choice, predicted = self.sample.rows, self.choice, self.predicted
        if self.scores is not None and self.probable:
            errors = self.is_positive - self.scores
            np.abs(errors, out=errors)
        elif self.scores is not None and math.isfinite(choice.threshold):
            beyond = self.scores - choice.threshold
            errors = np.where(self.is_positive, -beyond, beyond)
        elif predicted is not None:
            errors = (predicted != rows.truth).astype(np.float64)
        else:
            return []
        return worst_rows(rows, largest(errors, self.worst), errors, predicted)

    def _warnings(self, found: dict[MetricPath, Estimate]) -> list[Note]:
        chosen = [from_same_data(self.choice.rule)] if self.choice.on_same_data else []
        turned = found["metrics", "auroc"].surely_below(0.5)
        names = [self.sample.rows.labels[self.positive]] if turned else []
        called = called_round(found["metrics", "balanced_accuracy"]) if self.scores is None else []
        return [*chosen, *turned_round(names), *called, *self.sample.notes(found)]
