"""Top-k accuracy: how often the true class is among the k best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brightfield.metrics.counted.places import PlaceFamily, TruePlaces
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import IntervalOrReason, Reason
from brightfield.metrics.statistics.family import ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.wilson import wilson


@dataclass(frozen=True)
class TopK(PlaceFamily):
    """top_k_accuracy = share of rows whose true class has one of the k greatest scores, in [0, 1].

    Of equal scores the class that comes first counts first, so top 1 is the accuracy of the
    predictions; scikit-learn takes the last. Its interval is Wilson's. Source: Russakovsky et al.,
    "ImageNet large scale visual recognition challenge", IJCV 115, 2015.
    """

    k: int

    names: ClassVar[tuple[str, ...]] = ("top_k_accuracy",)
    option: ClassVar[str] = "top_k"

    @property
    def convention(self) -> str:
        return f"k = {self.k}; of equal scores the class that comes first counts first"

    def values(self, sample: TruePlaces, weighted: SampleWeights) -> Mapping[str, Batch]:
        hit = np.asarray(sample.before < self.k, np.float64)
        return {"top_k_accuracy": ratio(weighted @ hit, weighted.sum(axis=1))}

    def undefined(self, sample: TruePlaces) -> Mapping[str, Reason]:
        return {} if sample.n else {"top_k_accuracy": "no_rows"}

    def sizes(self, sample: TruePlaces) -> Mapping[str, int]:
        return {"top_k_accuracy": sample.n}

    def analytic(self, sample: TruePlaces, level: float) -> Mapping[str, IntervalOrReason]:
        hits = int(np.count_nonzero(sample.before < self.k))
        return {"top_k_accuracy": wilson(hits, sample.n, level)}
