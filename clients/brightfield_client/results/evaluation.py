"""The answer of POST /metrics."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brightfield_client.arrays import FloatArray, numbers
from brightfield_client.results._answers import ReportFields
from brightfield_client.results.binary import Binary
from brightfield_client.results.estimates import Estimate, NamedNumbers
from brightfield_client.results.saving import save_as
from brightfield_client.results.table import html_table


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation(ReportFields, NamedNumbers[Estimate]):
    """How good predictions are.

    `metrics` are the numbers by name, also `evaluation["auroc"]`; `pooled` those over all pixels
    or objects of all cases together. `confusion` has rows of truth and columns of prediction.
    `raw` is the whole report, keys that this client does not know included. The question is kept,
    data included, for the forms that only the service can write. `to_pandas` has the columns scope,
    metric, value, low, high, method, n and undefined.
    """

    _ask: Callable[..., Binary] | None = field(default=None, repr=False)
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

    def again(self, format: str, **choice: str | None) -> Binary:  # noqa: A002 - the service's name
        """The same report as `html` (with a `title`), `csv` (of a `table`), or `svg` or `png` of a
        `plot`.

        Raises `ValueError` for a report that came another way: from the asynchronous client, a job
        or a file.
        """
        if self._ask is None:
            raise ValueError(
                "This report no longer knows its data; ask with a `Client`, or the service with "
                f"format={format}."
            )
        given = {name: value for name, value in choice.items() if value is not None}
        return self._ask(format=format, **given)

    def to_html(self, title: str | None = None) -> str:
        """The report as one page that needs nothing else, from the service (see `again`)."""
        return self.again("html", title=title).content.decode("utf-8")

    def plot(self, name: str | None = None, *, format: str = "svg") -> Binary:  # noqa: A002
        """A plot that a notebook shows and `save` writes: `roc`, `pr`, `confusion`, `calibration`,
        `cases`, `classes` or `errors`; default: the first that the report has.

        From the service (see `again`); `UnprocessableError` names the plots that there are.
        """
        return self.again(format, plot=name)

    def save(
        self,
        path: str | Path,
        *,
        plot: str | None = None,
        table: str | None = None,
        title: str | None = None,
    ) -> Path:
        """Write the report: .html is a page, .csv a table, .svg and .png a plot, .json all.

        Tables are `numbers` (the default), `by`, `confusion`, `thresholds`, `roc`, `pr`, `cases`,
        `calibration`, `worst` and `excluded`. All but .json asks the service again (see `again`).
        """

        def asked(file: Path) -> Path:
            form = file.suffix.lower()[1:]
            return self.again(form, plot=plot, table=table, title=title).save(file)

        return save_as(self, path, dict.fromkeys((".html", ".csv", ".svg", ".png"), asked))

    def _blocks(self) -> list[tuple[str, Mapping[str, Estimate]]]:
        return [*super()._blocks(), *((each.label, each.metrics) for each in self.per_class)]

    def _repr_html_(self) -> str:
        rows = [(scope, name, str(found), str(found.n)) for scope, name, found in self._rows()]
        notes = "".join(f"<p>{html.escape(warning.detail)}</p>" for warning in self.warnings)
        return html_table(("scope", "metric", "value", "n"), rows) + notes
