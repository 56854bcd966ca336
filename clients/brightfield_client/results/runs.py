"""Evaluation runs at the service, and the comparison of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from brightfield_client.results._shapes import EvaluationRun, MetricDifference, RunChunk, Warned
from brightfield_client.results.result import frame, html_table
from brightfield_client.results.value import Json, Value, at

__all__ = ["Comparison", "Difference", "EvaluationRun", "RunChunk"]


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison(Value):
    """How much two runs differ over the `n` ids that both have; `comparison["auroc"]`.

    `only_a` and `only_b` count the ids that one run alone has, and list the first of them. `raw` is
    the whole reply.
    """

    task: str
    n: int
    metrics: Mapping[str, Difference]
    pooled: Mapping[str, Difference] = at(default_factory=dict, repr=False)
    only_a: Json = at(repr=False)
    only_b: Json = at(repr=False)
    warnings: tuple[Warned, ...]
    raw: Json = at(whole=True, repr=False)

    def __getitem__(self, name: str) -> Difference:
        return self.metrics[name]

    def _rows(self) -> Iterator[tuple[str, str, Difference]]:
        for scope, block in (("all", self.metrics), ("pooled", self.pooled)):
            for name, difference in block.items():
                yield scope, name, difference

    def to_pandas(self) -> Any:
        """A `DataFrame`: scope, metric, a, b, difference, low, high, method and p_value."""
        columns = ("scope", "metric", "a", "b", "difference", "low", "high", "method", "p_value")
        rows = (
            (scope, name, d.a, d.b, d.difference, *(d.ci or (None, None)), d.method, d.p_value)
            for scope, name, d in self._rows()
        )
        numbers = {name: float for name in columns if name not in ("scope", "metric", "method")}
        return frame(columns, rows).astype(numbers)

    def _repr_html_(self) -> str:
        return html_table(
            ("scope", "metric", "a - b"), [(scope, name, str(d)) for scope, name, d in self._rows()]
        )
