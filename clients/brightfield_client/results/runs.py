"""Evaluation runs at the service, and the comparison of two."""

from __future__ import annotations

from brightfield_client.results._answers import RunComparison
from brightfield_client.results._shapes import EvaluationRun, RunChunk
from brightfield_client.results.estimates import Difference, NamedNumbers
from brightfield_client.results.table import html_table

__all__ = ["Comparison", "EvaluationRun", "RunChunk"]


class Comparison(RunComparison, NamedNumbers[Difference]):
    """How much two runs differ over the `n` ids that both have; `comparison["auroc"]`.

    `only_a` and `only_b` count the ids that one run alone has, and list the first of them. `raw` is
    the whole reply. `to_pandas` has the columns scope, metric, a, b, difference, low, high, method
    and p_value.
    """

    _columns = (
        "a=2.a b=2.b difference=2.difference low=2.ci.0 high=2.ci.1 method=2.method "
        "p_value=2.p_value"
    )

    def _repr_html_(self) -> str:
        rows = [(scope, name, str(found)) for scope, name, found in self._rows()]
        return html_table(("scope", "metric", "a - b"), rows)
