"""What `client.evaluate` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from brightfield_client.mapping import MapItem
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.runs import EvaluationRun


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The run with its report, and the images that failed, with what was wrong."""

    run: EvaluationRun
    report: Evaluation
    errors: tuple[MapItem, ...] = field(repr=False)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()
