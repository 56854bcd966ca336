"""The answer of POST /metrics, and the comparison of two."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from PIL import Image as PillowImage

from brightfield_client.arrays import FloatArray, numbers
from brightfield_client.results._answers import ReportFields, RunComparison
from brightfield_client.results.asked import Reported
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.estimates import Difference, Estimate, NamedNumbers
from brightfield_client.results.table import html_table


class Evaluation(ReportFields, Drawn, NamedNumbers[Estimate]):
    """How good predictions are.

    `metrics` are the numbers by name, also `evaluation["auroc"]`; `pooled` those over all pixels
    or objects of all cases together. `confusion` has rows of truth and columns of prediction.
    `raw` is the whole report, keys that this client does not know included. Tables to `save` are
    `numbers`, `confusion`, `thresholds`, `histogram`, `roc`, `pr`, `calibration`, `cases`, `worst`,
    `excluded` and `requirements`. `to_pandas` has the columns scope, metric, value, low, high,
    method, n and undefined.
    """

    _form, _legend = "png", False
    _forms = f"{Reported._forms} .svg=svg .png=png"
    _columns = "value=2.value low=2.ci.0 high=2.ci.1 method=2.method n=2.n undefined=2.undefined"

    def curve(self, name: str) -> Mapping[str, FloatArray]:
        """A curve's points as arrays, `curve("roc")["fpr"]`; null becomes NaN.

        Raises `KeyError` where the task has no such curve.
        """
        points = self.curves[name]
        if points is None:
            raise KeyError(name)
        return {
            part: numbers(values)
            for part, values in points.items()
            if isinstance(values, list) and part != "ci"
        }

    def picture(self, name: str | None = None, **choice: Any) -> PillowImage.Image:
        """A plot: `roc`, `pr`, `threshold`, `confusion`, `calibration`, `cases`, `classes` or
        `errors`; default: the first that the report has.

        From the service (see `again`); `UnprocessableError` names the plots that there are.
        `save("roc.svg", plot="roc")` writes one without pixels.
        """
        return super().picture(plot=name, **choice)

    def _blocks(self) -> list[tuple[str, Mapping[str, Estimate]]]:
        return [*super()._blocks(), *((each.label, each.metrics) for each in self.per_class)]

    def _repr_html_(self) -> str:
        rows = [(scope, name, str(found), str(found.n)) for scope, name, found in self._rows()]
        notes = "".join(f"<p>{html.escape(warning.detail)}</p>" for warning in self.warnings)
        return html_table(("scope", "metric", "value", "n"), rows) + notes


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
