"""The report about two classes: one is positive, and a score says how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.calibration import reliability
from brightfield.metrics.confusion import confusion
from brightfield.metrics.counts import OneAgainstRest, Table
from brightfield.metrics.curves import precision_recall, roc, selection, threshold_table
from brightfield.metrics.estimate import Estimate, Reason
from brightfield.metrics.family import Key, nested
from brightfield.metrics.forecasts import Forecasts
from brightfield.metrics.notes import from_same_data, skipped
from brightfield.metrics.operating_point import Rule
from brightfield.metrics.ranking import Ranking
from brightfield.metrics.resampling import Codes
from brightfield.metrics.sample import (
    Families,
    Sample,
    are_probabilities,
    lines,
    undefined,
    worst_rows,
)
from brightfield.metrics.worst import largest

_DEFAULT = 0.5
_HERE: Key = ("metrics",)


@dataclass(frozen=True, slots=True)
class Choice:
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


@dataclass(frozen=True, eq=False)
class Binary:
    """Options of the report beside those of the sample."""

    sample: Sample
    positive: int
    rule: Rule | None
    threshold: float | None
    curve_points: int
    bins: int
    worst: int

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
        return self.scores is not None and are_probabilities(self.scores)

    def choice(self) -> Choice:
        """Where the threshold is: as told, by the rule, 0.5 of probabilities, else by Youden."""
        if self.sample.rows.predictions is not None:
            return Choice("predictions")
        if self.threshold is not None:
            return Choice("frozen", self.threshold)
        if self.rule is None and self.probable:
            return Choice("probability", _DEFAULT)
        rule, ranking = self.rule or Rule("youden"), self.ranking
        assert ranking is not None
        reason = rule.undefined(ranking)
        if reason is not None:
            return Choice(str(rule), undefined=reason)
        return Choice(str(rule), rule.threshold(ranking), on_same_data=True)

    def report(self) -> dict[str, Any]:
        """Everything but what all reports share."""
        choice = self.choice()
        predicted = self._predicted(choice)
        found = self._of_scores() | self._of_counts(predicted)
        return {
            "metrics": nested(found, _HERE),
            "per_class": [],
            "curves": self._curves(choice),
            "confusion": self._confusion(choice, predicted),
            "operating_point": self._operating_point(choice, found),
            "worst": self._worst(choice, predicted),
            "warnings": self._warnings(choice, found),
        }

    def _predicted(self, choice: Choice) -> Codes | None:
        """The class of each row: as sent, or by the threshold; None where there is none."""
        if self.sample.rows.predictions is not None:
            return self.sample.rows.predictions
        if self.scores is None or not choice.known:
            return None
        return np.where(self.scores >= choice.threshold, self.positive, 1 - self.positive)

    def _of_scores(self) -> dict[Key, Estimate]:
        families, n = Families(), self.sample.rows.n
        if self.ranking is None or self.scores is None:
            nothing = Estimate.missing("no_scores", n)
            nowhere = undefined(families.rankings, nothing, _HERE)
            return nowhere | undefined(families.forecasts, nothing, _HERE)
        wanted = lines(families.rankings, self.ranking, _HERE)
        if self.probable:
            forecasts = Forecasts.binary(self.scores, self.is_positive, self.bins)
            return self.sample.of_rows([*wanted, *lines(families.forecasts, forecasts, _HERE)])
        nothing = Estimate.missing("not_probabilities", n)
        return self.sample.of_rows(wanted) | undefined(families.forecasts, nothing, _HERE)

    def _of_counts(self, predicted: Codes | None) -> dict[Key, Estimate]:
        families, rows = Families(), self.sample.rows
        if predicted is None:
            nothing = Estimate.missing("no_threshold", rows.n)
            nowhere = undefined(families.tables, nothing, _HERE)
            return nowhere | undefined(families.rates, nothing, _HERE)
        table = Table.of(rows.truth, predicted, 2)
        chosen = OneAgainstRest(table, self.positive)
        wanted = [*lines(families.tables, table, _HERE), *lines(families.rates, chosen, _HERE)]
        return self.sample.of_cells(wanted, table, predicted)

    def _curves(self, choice: Choice) -> dict[str, Any]:
        if self.ranking is None:
            return {"roc": None, "pr": None, "thresholds": None, "calibration": None}
        operating = choice.threshold if choice.known else None
        places = selection(self.ranking, self.curve_points - 1, operating)
        calibration = None
        if self.probable and self.scores is not None:
            forecasts = Forecasts.binary(self.scores, self.is_positive, self.bins)
            calibration = reliability(forecasts, self.sample.level)
        return {
            "roc": roc(self.ranking, places),
            "pr": precision_recall(self.ranking, places),
            "thresholds": threshold_table(self.ranking, places),
            "calibration": calibration,
        }

    def _confusion(self, choice: Choice, predicted: Codes | None) -> dict[str, Any]:
        rows = self.sample.rows
        if predicted is None:
            empty = {"labels": list(rows.labels), "counts": None, "normalized": None}
            return {**empty, "threshold": None, "undefined": choice.undefined}
        table = Table.of(rows.truth, predicted, 2)
        return {**confusion(table, rows.labels, choice.shown), "undefined": None}

    def _operating_point(self, choice: Choice, found: dict[Key, Estimate]) -> dict[str, Any]:
        return {
            "rule": choice.rule,
            "threshold": choice.shown,
            "positive": self.sample.rows.labels[self.positive],
            "sensitivity": found["metrics", "sensitivity"].json(),
            "specificity": found["metrics", "specificity"].json(),
            "undefined": choice.undefined,
        }

    def _worst(self, choice: Choice, predicted: Codes | None) -> Sequence[Any]:
        rows = self.sample.rows
        if self.scores is not None and self.probable:
            errors = np.abs(self.is_positive - self.scores)
        elif self.scores is not None and math.isfinite(choice.threshold):
            beyond = self.scores - choice.threshold
            errors = np.where(self.is_positive, -beyond, beyond)
        elif predicted is not None:
            errors = (predicted != rows.truth).astype(np.float64)
        else:
            return []
        return worst_rows(rows, largest(errors, self.worst), errors, predicted)

    def _warnings(self, choice: Choice, found: dict[Key, Estimate]) -> list[Note]:
        chosen = [from_same_data(choice.rule)] if choice.on_same_data else []
        return chosen + skipped(found)
