"""Calibration slope and intercept: whether probabilities are too extreme, or too high."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from brightfield.metrics.counted.forecasts import ForecastFamily, Forecasts
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.logistic import LogisticLine
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.scale import PLAIN
from brightfield.metrics.statistics.student import t_quantile

# Rows that came true, and rows that did not, which an interval of a line needs.
_LEAST = 5


class CalibrationLine(ForecastFamily):
    """With the logit x = ln(p / (1 - p)) of each probability, by greatest likelihood:

        logit P(true) = a + slope x            slope 1 is right; below 1 the probabilities are too
                                               extreme, above 1 not extreme enough
        logit P(true) = intercept + x          intercept 0 is right; below 0 the probabilities are
                                               too high, above 0 too low

    No bins are needed, and perfect probabilities have 1 and 0 on average, whatever the number of
    rows. Probabilities are cut as for `log_loss`. Of several classes it is the probability of the
    most probable one. Undefined where all or none came true; the slope also where all probabilities
    are the same (`no_variation`), or separate what came true from what did not (`separated`).
    Sources: Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958;
    Van Calster et al., "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17,
    2019.
    """

    names: ClassVar[tuple[str, ...]] = ("calibration_slope", "calibration_intercept")
    exchanged: ClassVar[bool] = False

    def values(self, sample: Forecasts, weighted: SampleWeights) -> Mapping[str, Batch]:
        whole = len(weighted) == 1 and bool((weighted == 1).all())
        curves = sample.sloped, sample.shifted
        sloped, shifted = (curve.whole if whole else curve.fits(weighted) for curve in curves)
        return {"calibration_slope": sloped[:, 1], "calibration_intercept": shifted[:, 0]}

    def undefined(self, sample: Forecasts) -> Mapping[str, Reason]:
        if not sample.n:
            return dict.fromkeys(self.names, "no_rows")
        hits = np.count_nonzero(sample.hit)
        if hits in (0, sample.n):
            return dict.fromkeys(self.names, "no_negatives" if hits else "no_positives")
        if sample.logits.min() == sample.logits.max():
            return {"calibration_slope": "no_variation"}
        curves = zip(self.names, (sample.sloped, sample.shifted), strict=True)
        lost = [name for name, curve in curves if not np.isfinite(curve.whole).all()]
        return dict.fromkeys(lost, "separated")

    def untold(self, sample: Forecasts) -> Mapping[str, Reason]:
        hits = np.count_nonzero(sample.hit)
        few = min(hits, sample.n - hits) < _LEAST
        return dict.fromkeys(self.names, "too_few") if few else {}

    def sizes(self, sample: Forecasts) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)

    def analytic(self, sample: Forecasts, level: float) -> Mapping[str, IntervalOrReason]:
        """value -+ t error, by the rows' deviations, with n - 2 degrees of freedom."""
        few = self.untold(sample)
        if few:
            return few
        curves = zip(self.names, (sample.sloped, sample.shifted), (1, 0), strict=True)
        return {name: _interval(curve, place, level) for name, curve, place in curves}


def _interval(curve: LogisticLine, place: int, level: float) -> IntervalOrReason:
    moved = curve.deviations()[:, place]
    error = float(np.sqrt(np.einsum("i,i->", moved, moved)))
    if not np.isfinite(error):
        return "too_few"
    return PLAIN.interval(float(curve.whole[0, place]), error, t_quantile(level, moved.size - 2))
