"""Evaluation runs at the service, and the comparison of two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brightfield_client.results._answers import RunComparison
from brightfield_client.results._shapes import EvaluationRun, RunChunk
from brightfield_client.results.estimates import Difference
from brightfield_client.results.result import frame, html_table

__all__ = ["Comparison", "EvaluationRun", "RunChunk"]


class Comparison(RunComparison):
    """How much two runs differ over the `n` ids that both have; `comparison["auroc"]`.

    `only_a` and `only_b` count the ids that one run alone has, and list the first of them. `raw` is
    the whole reply.
    """

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
