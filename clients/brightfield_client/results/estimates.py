"""Numbers with their intervals, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from brightfield_client.results._shapes import MetricDifference, MetricEstimate
from brightfield_client.results.table import Cells, Table, cells, columns


class Estimate(MetricEstimate):
    """A number with its interval over `n` observations.

    Where there is no value, `undefined` says why, and `ci_undefined` likewise of the interval;
    `method` is how the interval was found, and `clipped` whether it was cut to what is possible.
    """

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined ({self.undefined})"
        interval = "" if self.ci is None else f" ({self.ci[0]:.3f} to {self.ci[1]:.3f})"
        return f"{self.value:.3f}{interval}"


class Difference(MetricDifference):
    """A number of two runs and `a` minus `b` with its interval.

    `p_value` is there where a test is, as DeLong's of AUROC; where there is no difference,
    `undefined` says why, and `ci_undefined` likewise of the interval.
    """

    def __str__(self) -> str:
        if self.difference is None:
            return f"undefined ({self.undefined})"
        interval = "" if self.ci is None else f" ({self.ci[0]:+.3f} to {self.ci[1]:+.3f})"
        p = "" if self.p_value is None else f", p = {self.p_value:.3g}"
        return f"{self.difference:+.3f}{interval}{p}"


E = TypeVar("E", bound="Estimate | Difference")
_TEXTS = frozenset({"scope", "metric", "method", "n", "undefined"})


class NamedNumbers(Table, Generic[E]):
    """Numbers by name: of all rows, pooled, and of single classes."""

    metrics: Mapping[str, E]
    pooled: Mapping[str, E]
    _columns: ClassVar[str]
    """Those of a number."""

    def __getitem__(self, name: str) -> E:
        return self.metrics[name]

    def _blocks(self) -> list[tuple[str, Mapping[str, E]]]:
        """The numbers by their scopes."""
        return [("all", self.metrics), ("pooled", self.pooled)]

    def _rows(self) -> list[tuple[str, str, E]]:
        return [
            (scope, name, found) for scope, block in self._blocks() for name, found in block.items()
        ]

    def _table(self) -> Cells:
        return cells(columns(f"scope=0 metric=1 {self._columns}"), self._rows())

    def to_pandas(self) -> Any:
        """A `DataFrame` with a row per number: scope (`all`, `pooled` or a class), metric, and what
        is known of it."""
        found = super().to_pandas()
        return found.astype({name: float for name in found.columns if name not in _TEXTS})
