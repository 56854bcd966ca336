"""The answer of POST /metrics."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brightfield_client.arrays import FloatArray, numbers
from brightfield_client.results._answers import ReportFields
from brightfield_client.results.binary import Binary
from brightfield_client.results.estimates import Estimate
from brightfield_client.results.result import frame, html_table
from brightfield_client.results.saving import Write, save_as, write_json


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation(ReportFields):
    """How good predictions are.

    `metrics` are the numbers by name, also `evaluation["auroc"]`; `pooled` those over all pixels
    or objects of all cases together. `confusion` has rows of truth and columns of prediction.
    `raw` is the whole report, keys that this client does not know included. The question is kept,
    data included, for the forms that only the service can write.
    """

    _ask: Callable[..., Binary] | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Estimate:
        return self.metrics[name]

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

        Tables are `numbers` (the default), `confusion`, `thresholds`, `roc`, `pr`, `calibration`,
        `cases`, `worst` and `excluded`. All but .json asks the service again (see `again`).
        """

        def asked(file: Path) -> Path:
            form = file.suffix.lower()[1:]
            return self.again(form, plot=plot, table=table, title=title).save(file)

        writers: dict[str, Write] = dict.fromkeys((".html", ".csv", ".svg", ".png"), asked)
        writers[".json"] = lambda file: write_json(file, self.raw)
        return save_as(path, writers, "A report")

    def _rows(self) -> Iterator[tuple[str, str, Estimate]]:
        blocks = [("all", self.metrics), ("pooled", self.pooled)]
        blocks += [(entry.label, entry.metrics) for entry in self.per_class]
        for scope, block in blocks:
            for name, estimate in block.items():
                yield scope, name, estimate

    def to_pandas(self) -> Any:
        """A `DataFrame`: scope (`all`, `pooled` or a class), metric, value, low, high, method, n
        and undefined, a row per number."""
        columns = ("scope", "metric", "value", "low", "high", "method", "n", "undefined")
        rows = (
            (scope, name, e.value, *(e.ci or (None, None)), e.method, e.n, e.undefined)
            for scope, name, e in self._rows()
        )
        return frame(columns, rows).astype({"value": float, "low": float, "high": float})

    def _repr_html_(self) -> str:
        rows = [
            (scope, name, str(estimate), str(estimate.n)) for scope, name, estimate in self._rows()
        ]
        notes = "".join(f"<p>{html.escape(warning.detail)}</p>" for warning in self.warnings)
        return html_table(("scope", "metric", "value", "n"), rows) + notes
