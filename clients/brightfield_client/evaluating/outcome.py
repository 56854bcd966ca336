"""What `client.evaluate` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brightfield_client.mapping import MapItem
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.runs import EvaluationRun
from brightfield_client.results.value import Value


@dataclass(frozen=True, eq=False)
class Evaluated(Value):
    """The run with its report, and the images that failed, with what was wrong."""

    run: EvaluationRun
    report: Evaluation
    errors: tuple[MapItem[Any], ...] = field(repr=False)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()
