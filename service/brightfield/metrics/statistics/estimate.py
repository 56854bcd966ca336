"""A number of a report: its value, its interval, and why either may be missing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal[
    "no_rows",
    "no_positives",
    "no_negatives",
    "no_predicted_positives",
    "no_predicted_negatives",
    "no_false_positives",
    "no_true_negatives",
    "one_class",
    "absent_class",
    "no_variation",
    "no_scores",
    "no_threshold",
    "not_probabilities",
    "no_cases",
    "both_empty",
    "empty_truth",
    "empty_prediction",
    "only_void",
    "no_matches",
    "no_objects",
    "identical",
    "too_small",
    "not_kept",
    "mixed",
    "too_few",
    "few_resamples",
    "too_many_rows",
    "biased",
    "separated",
    "not_requested",
]
"""Why a value or an interval is undefined; the how-to page says what each of them means."""

IntervalMethod = Literal["delong", "wilson", "score", "mover", "t", "limits", "percentile", "bca"]


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`; `clipped` where the formula went beyond what the metric can be."""

    low: float
    high: float
    method: IntervalMethod
    clipped: bool = False


IntervalOrReason = Interval | Reason
"""An interval, or why there is none."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value over `n` observations, or the reason why it is undefined; likewise its interval.

    `value` is finite or None, never NaN. Exactly one of `value` and `undefined` is None.
    """

    n: int
    value: float | None = None
    undefined: Reason | None = None
    span: IntervalOrReason = "not_requested"

    def __post_init__(self) -> None:
        if (self.value is None) == (self.undefined is None):
            raise ValueError("an estimate has a value or a reason, and not both")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"an estimate cannot be {self.value}")

    @classmethod
    def missing(cls, reason: Reason, n: int = 0) -> Estimate:
        """An undefined value, which has no interval for the same reason."""
        return cls(n, undefined=reason, span=reason)

    def surely_below(self, bound: float) -> bool:
        """Whether the value and all of its interval lie below; without any variation the value
        alone."""
        if self.span == "no_variation":
            return self.value is not None and self.value < bound
        high = self.span.high if isinstance(self.span, Interval) else None
        return self.value is not None and self.value < bound and high is not None and high < bound

    def json(self) -> dict[str, Any]:
        """The number as a report shows it."""
        span = self.span
        known = isinstance(span, Interval)
        return {
            "value": self.value,
            "ci": [span.low, span.high] if isinstance(span, Interval) else None,
            "clipped": isinstance(span, Interval) and span.clipped,
            "method": span.method if isinstance(span, Interval) else None,
            "n": self.n,
            "undefined": self.undefined,
            "ci_undefined": None if known else span,
        }
