"""Brier score and logarithmic loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from brightfield.metrics.counted.forecasts import ForecastFamily, Forecasts
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.scale import LOG, Scale
from brightfield.metrics.statistics.student import mean_interval


class ScoringRules(ForecastFamily):
    """Means over rows; 0 is perfect.

        brier = mean (p - y)^2                                   in [0, 1], two classes
        brier = mean sum_k (p_k - y_k)^2                         in [0, 2], more classes
        log_loss = mean -ln p(true class)                        in nats

    The logarithm is taken of p cut to [2.2e-16, 1 - 2.2e-16], as scikit-learn does: a class that
    was called impossible and came true costs 36 nats, not infinitely many. Sources: Brier,
    "Verification of forecasts expressed in terms of probability", 1950; Gneiting and Raftery,
    "Strictly proper scoring rules, prediction, and estimation", JASA 102, 2007.
    """

    names: ClassVar[tuple[str, ...]] = ("brier", "log_loss")
    scales: ClassVar[Mapping[str, Scale]] = dict.fromkeys(names, LOG)

    def values(self, sample: Forecasts, weighted: SampleWeights) -> Mapping[str, Batch]:
        total = weighted.sum(axis=1)
        return {
            "brier": ratio(weighted @ sample.squared, total),
            "log_loss": ratio(weighted @ sample.surprise, total),
        }

    def undefined(self, sample: Forecasts) -> Mapping[str, Reason]:
        return {} if sample.n else dict.fromkeys(self.names, "no_rows")

    def sizes(self, sample: Forecasts) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)

    def analytic(self, sample: Forecasts, level: float) -> Mapping[str, IntervalOrReason]:
        return {
            "brier": mean_interval(sample.squared, LOG, level),
            "log_loss": mean_interval(sample.surprise, LOG, level),
        }
