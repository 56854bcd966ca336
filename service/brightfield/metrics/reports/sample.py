"""The rows of a classification with what a report needs of them again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics import families
from brightfield.metrics.counted.counts import CountTable, RateFamily, TableFamily
from brightfield.metrics.counted.forecasts import ForecastFamily
from brightfield.metrics.counted.places import PlaceFamily
from brightfield.metrics.counted.ranking import RankingFamily
from brightfield.metrics.reading.rows import Rows
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.metrics.statistics.estimate import Estimate
from brightfield.metrics.statistics.family import Family, MetricPath, MetricSpec, estimates
from brightfield.metrics.statistics.resampling import (
    CellResampler,
    ClusterResampler,
    Codes,
    Resampler,
)
from brightfield.metrics.statistics.resampling import RowResampler as RowSampler
from brightfield.plugins import discover
from brightfield.progress import Progress

# How far the probabilities of a row may sum from 1: they are written with few digits.
_SUM = 1e-3


@dataclass(frozen=True, eq=False)
class Families:
    """The members of each kind of family, found in their folder: those that are always there, and
    those that `wanted` asks for, by the names of their options."""

    wanted: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tables(self) -> list[TableFamily]:
        return self._members(TableFamily)

    @cached_property
    def rates(self) -> list[RateFamily]:
        return self._members(RateFamily)

    @cached_property
    def rankings(self) -> list[RankingFamily]:
        return self._members(RankingFamily)

    @cached_property
    def forecasts(self) -> list[ForecastFamily]:
        return self._members(ForecastFamily)

    @cached_property
    def places(self) -> list[PlaceFamily]:
        return self._members(PlaceFamily)

    def _members(self, base: type[Any]) -> list[Any]:
        found = []
        for member in discover(families, base).values():
            if member.option is None:
                found.append(member())
            elif self.wanted.get(member.option) is not None:
                found.append(member(self.wanted[member.option]))
        return found

    @property
    def conventions(self) -> dict[str, str]:
        """How the metrics are found that options ask for."""
        kinds = (self.tables, self.rates, self.rankings, self.forecasts, self.places)
        return {
            family.names[0]: family.convention
            for members in kinds
            for family in members
            if family.convention
        }


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows and how to draw from them."""

    rows: Rows
    confidence: Confidence
    progress: Progress
    families: Families

    @property
    def clustered(self) -> bool:
        return self.rows.groups is not None

    @property
    def level(self) -> float | None:
        """The level of intervals that take rows for independent; None where none are wanted."""
        wanted = self.confidence.method != "none" and not self.clustered
        return self.confidence.level if wanted else None

    def of_rows(self, lines: Sequence[MetricSpec[Any]]) -> dict[MetricPath, Estimate]:
        """Numbers whose units are rows; drawn within the true classes, or by whole groups."""
        groups = self.rows.groups
        sampler: Resampler
        sampler = (
            RowSampler(self.rows.truth) if groups is None else ClusterResampler.of_rows(groups)
        )
        return self._estimates(lines, sampler)

    def of_cells(
        self, lines: Sequence[MetricSpec[Any]], table: CountTable, predicted: Codes
    ) -> dict[MetricPath, Estimate]:
        """Numbers of a table of counts, drawn likewise."""
        groups, cells = self.rows.groups, table.counts.size
        sampler: Resampler = CellResampler(table.counts)
        if groups is not None:
            codes = self.rows.truth * table.classes + predicted
            sampler = ClusterResampler.of_cells(groups, codes, cells)
        return self._estimates(lines, sampler)

    def _estimates(
        self, lines: Sequence[MetricSpec[Any]], sampler: Resampler
    ) -> dict[MetricPath, Estimate]:
        return estimates(lines, sampler, self.confidence, self.progress, clustered=self.clustered)


def lines(
    families: Sequence[Family[Any, Any]], sample: Any, prefix: MetricPath
) -> list[MetricSpec[Any]]:
    """A line below `prefix` for every metric of the families."""
    return [
        MetricSpec((*prefix, name), name, family, (sample,))
        for family in families
        for name in family.names
    ]


def undefined(
    families: Sequence[Family[Any, Any]], estimate: Estimate, prefix: MetricPath
) -> dict[MetricPath, Estimate]:
    """The same missing number for every metric of the families."""
    return {(*prefix, name): estimate for family in families for name in family.names}


def are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Whether all scores are in [0, 1] and, of several classes, sum to 1 in each row."""
    if not np.all((scores >= 0) & (scores <= 1)):
        return False
    return scores.ndim == 1 or bool(np.all(np.abs(scores.sum(axis=1) - 1) <= _SUM))


def worst_rows(
    rows: Rows, places: Sequence[int], errors: NDArray[np.float64], predicted: Codes | None
) -> list[Mapping[str, Any]]:
    """What a report says about single rows."""
    found: list[Mapping[str, Any]] = []
    for place, name in zip(places, rows.names(places), strict=True):
        entry = {**name, "truth": rows.labels[rows.truth[place]]}
        if predicted is not None:
            entry["prediction"] = rows.labels[predicted[place]]
        if rows.scores is not None:
            entry["score"] = rows.scores[place].tolist()
        found.append({**entry, "error": float(errors[place])})
    return found
