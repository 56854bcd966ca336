"""The report about rows with any number of labels: each label alone, their mean, all together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note
from brightfield.metrics.counted.cases import Draws
from brightfield.metrics.counted.curves import precision_recall, roc, selection
from brightfield.metrics.counted.label_counts import LabelCounts, WrongLabels
from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.reading.label_rows import LabelRows
from brightfield.metrics.reports.averages import averaged, label_notes
from brightfield.metrics.reports.interval_words import few_drawn
from brightfield.metrics.reports.notes import turned_round, unlike_predictions
from brightfield.metrics.reports.points import Named, curve_points
from brightfield.metrics.reports.sample import Families, lines, undefined
from brightfield.metrics.reports.worst import largest
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import MetricPath, MetricSpec, nested
from brightfield.progress import Progress

_HERE: MetricPath = ("metrics",)
_DEFAULT = 0.5
_SHOWN_CUTS = 8


@dataclass(frozen=True, eq=False)
class Labelled:
    """Complete rows, and the options of their report; `cuts` are a threshold for each label."""

    rows: LabelRows
    families: Families
    confidence: Confidence
    progress: Progress
    cuts: Sequence[float] | None
    curve_points: int
    worst: int

    @cached_property
    def truth(self) -> NDArray[np.bool_]:
        """(n, k)"""
        return self.rows.truth > 0

    @cached_property
    def thresholds(self) -> list[float] | None:
        """Of each label: as sent, else 0.5 if all scores lie in 0 to 1."""
        scores = self.rows.scores
        if self.rows.predictions is not None or scores is None:
            return None
        if self.cuts is not None:
            return list(self.cuts)
        if not np.all((scores >= 0) & (scores <= 1)):
            return None
        return [_DEFAULT] * len(self.rows.labels)

    @cached_property
    def called(self) -> NDArray[np.bool_] | None:
        """(n, k) which labels are predicted, None where nobody says from which score on."""
        if self.rows.predictions is not None:
            return self.rows.predictions > 0
        if self.thresholds is None or self.rows.scores is None:
            return None
        return self.rows.scores >= np.array(self.thresholds)

    @cached_property
    def rankings(self) -> list[Ranking]:
        """Each label's scores."""
        scores = self.rows.scores
        if scores is None:
            return []
        return [Ranking.of(scores[:, c], self.truth[:, c]) for c in range(scores.shape[1])]

    @cached_property
    def pooled(self) -> Ranking | None:
        """All scores of all labels in one order (micro)."""
        scores = self.rows.scores
        if scores is None:
            return None
        places = np.repeat(np.arange(self.rows.n), scores.shape[1])
        return Ranking.of(scores.ravel(), self.truth.ravel(), places)

    def part(self, rows: LabelRows) -> Labelled:
        """Some of the rows, at the thresholds of all."""
        return replace(self, rows=rows, cuts=self.thresholds)

    def lines(self) -> list[MetricSpec[Any]]:
        """Every number."""
        found: list[MetricSpec[Any]] = []
        members = self.truth.any(axis=0)
        if self.pooled is not None:
            chosen = np.flatnonzero(members).tolist()
            found += averaged(
                self.families.rankings, self.rankings, self.pooled, chosen, self.rows.n
            )
        if self.called is not None:
            found += self._of_counts(self.called)
        return found

    def _of_counts(self, called: NDArray[np.bool_]) -> list[MetricSpec[Any]]:
        labels = range(len(self.rows.labels))
        samples = [LabelCounts.of(self.truth[:, c], called[:, c]) for c in labels]
        pooled, rates = LabelCounts.of(self.truth, called), self.families.rates
        found = lines(self.families.label_sets, WrongLabels.of(self.truth, called), _HERE)
        found += averaged([f for f in rates if f.averaged], samples, pooled, labels, self.rows.n)
        for family in rates:
            if not family.averaged:
                for c, sample in enumerate(samples):
                    found += lines([family], sample, ("per_class", c))
        return found

    def missing(self) -> dict[MetricPath, Estimate]:
        """The numbers that there are no lines of, and why."""
        found: dict[MetricPath, Estimate] = {}
        if self.pooled is None:
            nothing = Estimate.missing("no_scores", self.rows.n)
            found |= self._undefined(self.families.rankings, nothing)
        if self.called is None:
            nowhere = Estimate.missing("no_threshold", self.rows.n)
            found |= undefined(self.families.label_sets, nowhere, _HERE)
            found |= self._undefined(self.families.rates, nowhere)
        return found

    def _undefined(self, families: Sequence[Any], estimate: Estimate) -> dict[MetricPath, Estimate]:
        found: dict[MetricPath, Estimate] = {}
        for family in families:
            if getattr(family, "averaged", True):
                for name in family.names:
                    found |= {(*_HERE, f"{name}_{mean}"): estimate for mean in ("macro", "micro")}
        for c in range(len(self.rows.labels)):
            found |= undefined(families, estimate, ("per_class", c))
        return found

    @cached_property
    def draws(self) -> Draws:
        """Rows are drawn, or whole groups."""
        return Draws(self.rows.n, self.rows.codes, self.confidence, self.progress)

    @cached_property
    def estimates(self) -> dict[MetricPath, Estimate]:
        """Every number with its interval."""
        return self.draws.estimates(self.lines()) | self.missing()

    def few(self) -> list[Note]:
        """What to know of intervals that rest on few rows or groups."""
        return few_drawn(self.draws.drawing, "rows", self.confidence, self.estimates.values())

    def numbers(self) -> dict[str, Any]:
        """The numbers alone."""
        found = self.estimates
        return {
            "metrics": nested(found, _HERE),
            "per_class": [
                {
                    "label": label,
                    "class_id": c,
                    "n": int(self.truth[:, c].sum()),
                    "metrics": nested(found, ("per_class", c)),
                }
                for c, label in enumerate(self.rows.labels)
            ],
        }

    def report(self) -> dict[str, Any]:
        """Everything but what all reports share."""
        numbers = self.numbers()
        ranked: list[Ranking | None] = [*self.rankings] or [None] * len(self.rows.labels)
        for c, entry in enumerate(numbers["per_class"]):
            entry["counts"] = self._counts(c)
            entry["curves"] = self._pair(ranked[c])
        return {
            **numbers,
            "curves": self._pair(self.pooled),
            "thresholds": self.thresholds,
            "worst": self._worst(),
        }

    def notes(self) -> list[Note]:
        """Of labels without a value, and of scores that are lower for their label."""
        turned = [
            label
            for c, label in enumerate(self.rows.labels)
            if self.rankings and self.estimates["per_class", c, "auroc"].surely_below(0.5)
        ]
        own = label_notes(self.rows.labels, self.truth, self.called)
        return [*turned_round(turned), *own]

    def points(self) -> Iterator[Named] | None:
        """Every point of the curves of all together and of each label, or None without scores."""
        if self.pooled is None:
            return None
        each = (curve_points(ranking, f"class_{c}_") for c, ranking in enumerate(self.rankings))
        return chain(curve_points(self.pooled), chain.from_iterable(each))

    def _counts(self, c: int) -> dict[str, int] | None:
        if self.called is None:
            return None
        totals = LabelCounts.of(self.truth[:, c], self.called[:, c]).totals
        return dict(zip(("tp", "fp", "tn", "fn"), totals, strict=True))

    def _pair(self, ranking: Ranking | None) -> dict[str, Any]:
        if ranking is None:
            return {"roc": None, "pr": None}
        places = selection(ranking, self.curve_points - 1)
        return {"roc": roc(ranking, places), "pr": precision_recall(ranking, places)}

    def _worst(self) -> list[dict[str, Any]]:
        """The rows with the most wrong labels."""
        if self.called is None:
            return []
        wrong = (self.truth != self.called).sum(axis=1)
        places = largest(wrong.astype(np.float64), self.worst)
        return [
            {
                **name,
                "truth": self._named(self.truth[place]),
                "prediction": self._named(self.called[place]),
                "error": int(wrong[place]),
            }
            for place, name in zip(places, self.rows.names(places), strict=True)
        ]

    def _named(self, row: NDArray[np.bool_]) -> list[str]:
        return [self.rows.labels[c] for c in np.flatnonzero(row).tolist()]


def unlike_labels(first: Labelled, second: Labelled) -> list[Note]:
    """Of two runs that differ in whether they have scores, or in where they cut them."""
    scored = [view.rows.scores is not None for view in (first, second)]
    notes = unlike_predictions(scored, "its thresholds")
    a, b = first.thresholds, second.thresholds
    if a is not None and b is not None and a != b:
        notes.append(
            Note(
                "different_operating_points",
                f"Run a predicts labels from {_cuts(a)} and run b from {_cuts(b)}, so numbers of "
                "predicted labels may differ by the thresholds alone. AUROC and average precision "
                "do not depend on them.",
            )
        )
    return notes


def _cuts(thresholds: Sequence[float]) -> str:
    shown = ", ".join(f"{cut:g}" for cut in thresholds[:_SHOWN_CUTS])
    return f"{shown}, ..." if len(thresholds) > _SHOWN_CUTS else shown
