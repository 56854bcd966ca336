"""Whether probabilities mean what they say: calibration errors and the reliability diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.forecasts import ForecastFamily, Forecasts, binned
from brightfield.metrics.statistics.blocks import blocks
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.wilson import wilson


class Calibration(ForecastFamily):
    """Over bins of equal width, with the gap |share that came true - mean probability| of each:

        ece = sum over bins of (rows in the bin / n) gap        mce = the greatest gap

    both in [0, 1]. A bin takes in its upper edge, and the first one 0. Empty bins do not count.
    Both depend on the number of bins, and `ece` is above 0 even for perfect probabilities of
    finitely many rows, by more the fewer these are. So a resample, which has what chance made of
    the sample and its own chance as well, says nothing about the true value, and no interval is
    claimed (`biased`): `ece_debiased`, `calibration_slope` and `calibration_intercept` have one.
    Sources: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015; Guo et al., "On calibration of modern neural networks", ICML 2017.
    """

    names: ClassVar[tuple[str, ...]] = ("ece", "mce")

    def values(self, sample: Forecasts, weighted: SampleWeights) -> Mapping[str, Batch]:
        counts, surplus = np.zeros((2, len(weighted), sample.bins))
        for own in blocks(sample.n):
            of_bin, weights = sample.of_bin[own], weighted[:, own]
            more = sample.hit[own] - sample.confidence[own]
            counts += binned(weights, of_bin, sample.bins)
            surplus += binned(weights * more, of_bin, sample.bins)
        gaps = np.abs(surplus)
        means = np.divide(gaps, counts, out=np.zeros_like(gaps), where=counts > 0)
        total = counts.sum(axis=1)
        greatest = np.where(total > 0, means.max(axis=1), np.nan)
        return {"ece": ratio(gaps.sum(axis=1), total), "mce": greatest}

    def undefined(self, sample: Forecasts) -> Mapping[str, Reason]:
        return {} if sample.n else dict.fromkeys(self.names, "no_rows")

    def untold(self, sample: Forecasts) -> Mapping[str, Reason]:
        return dict.fromkeys(self.names, "biased")

    def sizes(self, sample: Forecasts) -> Mapping[str, int]:
        return dict.fromkeys(self.names, sample.n)


def reliability(sample: Forecasts, level: float | None) -> dict[str, Any]:
    """Per bin its edges and count, and of one with rows the mean probability and the share.

    `ci` are Wilson's intervals of the shares; an empty bin has null, and all have without `level`.
    """
    counts, hits = np.zeros((2, sample.bins), np.int64)
    sums = np.zeros(sample.bins)
    for own in blocks(sample.n):
        of_bin, hit = sample.of_bin[own], sample.hit[own]
        counts += np.bincount(of_bin, minlength=sample.bins)
        hits += np.bincount(of_bin[hit], minlength=sample.bins)
        sums += np.bincount(of_bin, weights=sample.confidence[own], minlength=sample.bins)
    spans = [
        wilson(successes, n, level) if n and level is not None else None
        for successes, n in zip(hits.tolist(), counts.tolist(), strict=True)
    ]
    filled = np.maximum(counts, 1)
    return {
        "edges": np.linspace(0, 1, sample.bins + 1).tolist(),
        "count": counts.tolist(),
        "mean_score": _or_null(sums / filled, counts),
        "fraction": _or_null(hits / filled, counts),
        "ci": [span and [span.low, span.high] for span in spans],
    }


def _or_null(values: NDArray[np.float64], counts: NDArray[np.int64]) -> list[float | None]:
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return [value if count else None for value, count in pairs]
