"""The report about three classes and more: each against the rest, their mean, and all together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.confusion import confusion
from brightfield.metrics.counted.counts import CountTable, OneAgainstRest
from brightfield.metrics.counted.curves import precision_recall, roc, selection
from brightfield.metrics.counted.forecasts import Forecasts
from brightfield.metrics.counted.places import TruePlaces
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.families.calibration import reliability
from brightfield.metrics.reading.rows import Rows
from brightfield.metrics.reports.averages import averaged, counted_as_zero
from brightfield.metrics.reports.notes import skipped, turned_round
from brightfield.metrics.reports.points import Named, curve_points
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

_HERE: MetricPath = ("metrics",)


@dataclass(frozen=True, eq=False)
class Multiclass:
    """Options of the report beside those of the sample."""

    sample: Sample
    curve_points: int
    bins: int
    worst: int
    of: Multiclass | None = None
    """The whole that these rows are a part of."""

    @property
    def classes(self) -> int:
        return len(self.sample.rows.labels)

    @cached_property
    def predicted(self) -> Codes:
        """As sent, else the class of the greatest score, of equal ones the first."""
        rows = self.sample.rows
        if rows.predictions is not None:
            return rows.predictions
        assert rows.scores is not None
        return np.asarray(rows.scores.argmax(axis=1), np.int64)

    @cached_property
    def table(self) -> CountTable:
        return CountTable.of(self.sample.rows.truth, self.predicted, self.classes)

    @cached_property
    def rankings(self) -> list[Ranking]:
        """Each class's scores against the rest."""
        rows = self.sample.rows
        if rows.scores is None:
            return []
        return [Ranking.of(rows.scores[:, c], rows.truth == c) for c in range(self.classes)]

    @cached_property
    def pooled(self) -> Ranking | None:
        """All scores of all classes in one order (micro)."""
        rows = self.sample.rows
        if rows.scores is None:
            return None
        member = rows.truth[:, None] == np.arange(self.classes)
        places = np.repeat(np.arange(rows.n), self.classes)
        return Ranking.of(rows.scores.ravel(), member.ravel(), places)

    @cached_property
    def forecasts(self) -> Forecasts | None:
        rows = self.sample.rows
        whole = rows.scores if self.of is None else self.of.sample.rows.scores
        if rows.scores is None or whole is None or not are_probabilities(whole):
            return None
        return Forecasts.several(rows.scores, rows.truth, self.bins)

    def report(self) -> dict[str, Any]:
        """Everything but what all reports share."""
        found = self._estimates()
        return {
            "metrics": nested(found, _HERE),
            "per_class": [self._class(c, found) for c in range(self.classes)],
            "curves": self._curves(),
            "confusion": confusion(self.table, self.sample.rows.labels, None),
            "operating_point": None,
            "worst": self._worst(),
            "warnings": [
                *turned_round(self._turned(found)),
                *counted_as_zero(self.table, self.sample.rows.labels),
                *skipped(found),
            ],
        }

    def part(self, rows: Rows) -> Multiclass:
        """Some of the rows, at the threshold of all."""
        return replace(self, sample=replace(self.sample, rows=rows), of=self)

    def numbers(self) -> dict[str, Any]:
        """The numbers alone."""
        found = self._estimates()
        return {
            "metrics": nested(found, _HERE),
            "per_class": [self._numbers_of(c, found) for c in range(self.classes)],
        }

    def _turned(self, found: dict[MetricPath, Estimate]) -> list[str]:
        """The classes whose scores are lower for their members."""
        labels = self.sample.rows.labels
        return [
            label
            for c, label in enumerate(labels)
            if self.rankings and found["per_class", c, "auroc"].surely_below(0.5)
        ]

    def points(self) -> Iterator[Named] | None:
        """Every point of the curves of all together and of each class, or None without scores."""
        if self.pooled is None:
            return None
        classes = (curve_points(ranking, f"class_{c}_") for c, ranking in enumerate(self.rankings))
        return chain(curve_points(self.pooled), chain.from_iterable(classes))

    def ranking_lines(self) -> list[MetricSpec[Any]]:
        """The numbers of the order of scores."""
        if self.pooled is None:
            return []
        families, n = self.sample.families.rankings, self.sample.rows.n
        present = self.table.present.tolist()
        return averaged(families, self.rankings, self.pooled, present, n)

    def forecast_lines(self) -> list[MetricSpec[Any]]:
        """The numbers of probabilities."""
        if self.forecasts is None:
            return []
        return lines(self.sample.families.forecasts, self.forecasts, _HERE)

    def place_lines(self) -> list[MetricSpec[Any]]:
        """The numbers of the true class's place among the scores."""
        families = self.sample.families.places
        if not families or self.sample.rows.scores is None:
            return []
        places = TruePlaces.of(self.sample.rows.scores, self.sample.rows.truth)
        return lines(families, places, _HERE)

    def row_lines(self) -> list[MetricSpec[Any]]:
        """The numbers that scores give, whose units are rows."""
        return self.ranking_lines() + self.forecast_lines() + self.place_lines()

    def cell_lines(self) -> list[MetricSpec[Any]]:
        """The numbers of the table of counts."""
        families, n = self.sample.families, self.sample.rows.n
        samples = [OneAgainstRest(self.table, c) for c in range(self.classes)]
        pooled = OneAgainstRest(self.table, None)
        wanted = lines(families.tables, self.table, _HERE)
        occurring = self.table.occurring.tolist()
        of_means = [family for family in families.rates if family.averaged]
        for family in families.rates:
            if not family.averaged:
                for c, sample in enumerate(samples):
                    wanted += lines([family], sample, ("per_class", c))
        return wanted + averaged(of_means, samples, pooled, occurring, n)

    def missing(self) -> dict[MetricPath, Estimate]:
        """The numbers that there are no lines of, and why."""
        families, n = self.sample.families, self.sample.rows.n
        found: dict[MetricPath, Estimate] = {}
        if self.pooled is None:
            nothing = Estimate.missing("no_scores", n)
            for family in families.rankings:
                for name in family.names:
                    found |= {(*_HERE, f"{name}_{mean}"): nothing for mean in ("macro", "micro")}
            for c in range(self.classes):
                found |= undefined(families.rankings, nothing, ("per_class", c))
        if self.sample.rows.scores is None:
            found |= undefined(families.places, Estimate.missing("no_scores", n), _HERE)
        if self.forecasts is None:
            reason: Reason = "no_scores" if self.pooled is None else "not_probabilities"
            found |= undefined(families.forecasts, Estimate.missing(reason, n), _HERE)
        return found

    def _estimates(self) -> dict[MetricPath, Estimate]:
        found = self.sample.of_cells(self.cell_lines(), self.table, self.predicted)
        for wanted in (self.ranking_lines(), self.forecast_lines(), self.place_lines()):
            found |= self.sample.of_rows(wanted)
        return found | self.missing()

    def _numbers_of(self, c: int, found: dict[MetricPath, Estimate]) -> dict[str, Any]:
        return {
            "label": self.sample.rows.labels[c],
            "class_id": c,
            "n": int(self.table.counts[c].sum()),
            "metrics": nested(found, ("per_class", c)),
        }

    def _class(self, c: int, found: dict[MetricPath, Estimate]) -> dict[str, Any]:
        return {
            **self._numbers_of(c, found),
            "curves": self._pair(self.rankings[c] if self.rankings else None),
        }

    def _pair(self, ranking: Ranking | None) -> dict[str, Any]:
        if ranking is None:
            return {"roc": None, "pr": None}
        places = selection(ranking, self.curve_points - 1)
        return {"roc": roc(ranking, places), "pr": precision_recall(ranking, places)}

    def _curves(self) -> dict[str, Any]:
        known = self.forecasts
        calibration = known and reliability(known, self.sample.level)
        binary = {"thresholds": None, "histogram": None}
        return {**self._pair(self.pooled), **binary, "calibration": calibration}

    def _worst(self) -> Sequence[Any]:
        rows = self.sample.rows
        errors: NDArray[np.float64] = (self.predicted != rows.truth).astype(np.float64)
        if rows.scores is not None:
            of_truth = rows.scores[np.arange(rows.n), rows.truth]
            # Of scores that are no probabilities: how far the best one lies above the truth's.
            errors = rows.scores.max(axis=1, initial=-np.inf) - of_truth
            errors = 1 - of_truth if self.forecasts is not None else errors
        return worst_rows(rows, largest(errors, self.worst), errors, self.predicted)
