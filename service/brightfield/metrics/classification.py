"""Classification: from true classes and scores to the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from brightfield.errors import ConflictingParameter, InvalidParameter
from brightfield.metrics.binary import Binary
from brightfield.metrics.bootstrap import Check
from brightfield.metrics.evaluation import Evaluation, Limits, Names
from brightfield.metrics.multiclass import Multiclass
from brightfield.metrics.notes import warned
from brightfield.metrics.operating_point import Rule
from brightfield.metrics.reading import read_rows
from brightfield.metrics.rows import Rows
from brightfield.metrics.sample import Sample

_CONVENTIONS = {
    "order": "rows by id, else by truth, scores, prediction and group; the digest covers truth, "
    "scores, prediction and group as little-endian float64 in this order",
    "rows": "counted from 0, the header of a CSV not counted",
    "threshold": "positive means score >= threshold; ties between thresholds go to the higher "
    "sensitivity",
    "roc": "from (0, 0), whose threshold is null; every distinct score is a threshold",
    "pr": "to recall 0, where precision is taken as 1 and the threshold is null",
    "auroc": "ties count half; its interval is DeLong's, cut to [0, 1]",
    "average_precision": "sum of recall steps times precision; not a trapezoid",
    "confusion": "rows are the truth, columns the prediction; normalized by the actual class",
    "macro": "mean over the classes with members; undefined where it is for one of them",
    "micro": "all pairs of a row and a class together",
    "brier": "two classes: mean (p - y)^2; more: the sum over classes",
    "log_loss": "natural logarithm; probabilities are cut to [2.2e-16, 1 - 2.2e-16]",
    "calibration": "bins of equal width with their upper edge; the positive class of two, the "
    "most probable class of more",
    "two_columns": "scores that sum to 1 in each row: the positive class's; others: its score "
    "minus the other's",
    "wilson": "of sensitivity, specificity, ppv, npv and accuracy",
    "bootstrap": "rows are drawn within the true classes, at a fixed threshold",
}
_CLUSTERED = "whole groups are drawn; the threshold is fixed"


class Classification(Evaluation):
    """True classes against scores or predicted classes, of two or more classes."""

    members: ClassVar[tuple[str, ...]] = ("truth", "scores", "predictions", "groups", "ids")
    tables: ClassVar[bool] = True

    labels: Names | None = None
    """The classes in the order of their numbers and scores; else numbers, or texts sorted."""
    positive: str | int | None = None
    """Label or number of the positive one of two classes; else the second."""
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """A threshold that was chosen before, on other data."""
    operating_point: str | None = None
    """`youden`, `sensitivity>=0.9`, `specificity>=0.95` or `cost=5`; else 0.5 on probabilities and
    Youden's on other scores."""
    curve_points: Annotated[int, Field(ge=10, le=1_000_000)] = 1000
    """Most points of a curve in the reply; numbers are found over all of them."""
    bins: Annotated[int, Field(ge=1, le=1000)] = 10
    """Bins of the calibration errors."""

    @field_validator("operating_point")
    @classmethod
    def _rule(cls, value: str | None) -> str | None:
        return None if value is None else str(Rule.parse(value))

    def evaluate(self, data: Mapping[str, Any], limits: Limits, check: Check) -> dict[str, Any]:
        return self.report(read_rows(data, self.labels, self.missing), check)

    def report(self, rows: Rows, check: Check) -> dict[str, Any]:
        """The report about rows in canonical order."""
        self._agree(rows)
        sample = Sample(rows, self.ci, check)
        if len(rows.labels) == 2:
            rule = None if self.operating_point is None else Rule.parse(self.operating_point)
            found = Binary(
                sample,
                self._positive(rows),
                rule,
                self.threshold,
                self.curve_points,
                self.bins,
                self.worst,
            ).report()
        else:
            found = Multiclass(sample, self.curve_points, self.bins, self.worst).report()
        conventions = _CONVENTIONS
        if rows.groups is not None:
            conventions = {**conventions, "bootstrap": _CLUSTERED}
        return {
            "task": "classification",
            "n": rows.n,
            "labels": list(rows.labels),
            **found,
            "warnings": warned(found["warnings"]),
            "excluded": [entry.json() for entry in rows.excluded],
            "conventions": {**conventions, "ci": self.ci.model_dump()},
            "input_sha256": rows.sha256(),
        }

    def _positive(self, rows: Rows) -> int:
        if self.positive is None:
            return 1
        text = str(self.positive)
        if text in rows.labels:
            return rows.labels.index(text)
        if text.isdecimal() and int(text) < 2:
            return int(text)
        raise InvalidParameter(
            f"positive={text!r} is none of the labels {', '.join(rows.labels)}.",
            errors=[{"location": "positive", "expected": list(rows.labels), "received": text}],
        )

    def _agree(self, rows: Rows) -> None:
        """Refuse options that contradict one another or the rows."""
        chosen = [
            name for name in ("threshold", "operating_point") if getattr(self, name) is not None
        ]
        if len(chosen) > 1:
            raise ConflictingParameter(
                "A threshold is frozen or chosen by a rule; send `threshold` or `operating_point`."
            )
        if chosen and (rows.predictions is not None or rows.scores is None):
            raise ConflictingParameter(
                f"`{chosen[0]}` is for scores, and `predictions` were sent; send one of them."
            )
        if len(rows.labels) > 2 and (chosen or self.positive is not None):
            name = "positive" if not chosen else chosen[0]
            raise InvalidParameter(
                f"`{name}` is for two classes, and there are {len(rows.labels)}; with more, the "
                "greatest score is the prediction.",
                errors=[{"location": name}],
            )
