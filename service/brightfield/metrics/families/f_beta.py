"""F-beta: precision and recall, of which one weighs more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brightfield.metrics.counted.counts import Four, FourCounts, RateFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import ratio


@dataclass(frozen=True)
class FBeta(RateFamily):
    """f_beta = (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP), in [0, 1].

    The harmonic mean of precision and recall, in which recall weighs beta times as much; undefined
    where there are no positives and none are predicted. Source: van Rijsbergen, "Information
    Retrieval", 2nd edition, 1979.
    """

    beta: float

    names: ClassVar[tuple[str, ...]] = ("f_beta",)
    option: ClassVar[str] = "beta"
    zero: ClassVar[frozenset[str]] = frozenset({"f_beta"})

    @property
    def convention(self) -> str:
        return f"beta = {self.beta:g}: recall weighs {self.beta:g} times as much as precision"

    def values(self, sample: FourCounts, weighted: Four) -> Mapping[str, Batch]:
        tp, fp, _, fn = weighted
        square = self.beta**2
        return {"f_beta": ratio((1 + square) * tp, (1 + square) * tp + square * fn + fp)}

    def undefined(self, sample: FourCounts) -> Mapping[str, Reason]:
        if not sample.n:
            return {"f_beta": "no_rows"}
        tp, fp, _, fn = sample.totals
        return {} if tp + fp + fn else {"f_beta": "no_positives"}
