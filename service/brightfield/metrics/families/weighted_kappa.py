"""Weighted kappa: agreement on ordered classes, in which near misses count less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.counts import CountTable, TableFamily
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import ratio

KappaWeights = Literal["linear", "quadratic"]


@dataclass(frozen=True)
class WeightedKappa(TableFamily):
    """weighted_kappa = 1 - sum w_ij n_ij / sum w_ij e_ij, with e_ij = t_i p_j / n, in [-1, 1].

    A row of class i that is called j costs w_ij = |i - j| (linear) or (i - j)^2 (quadratic), by
    the order of the labels. Undefined where only one class has members. Source: Cohen, "Weighted
    kappa: nominal scale agreement with provision for scaled disagreement or partial credit",
    Psychological Bulletin 70, 1968.
    """

    weights: KappaWeights

    names: ClassVar[tuple[str, ...]] = ("weighted_kappa",)
    option: ClassVar[str] = "kappa_weights"

    @property
    def convention(self) -> str:
        cost = "|i - j|" if self.weights == "linear" else "(i - j)^2"
        return f"{self.weights}: class i called j costs {cost}, in the order of the labels"

    def values(self, sample: CountTable, weighted: NDArray[np.float64]) -> Mapping[str, Batch]:
        places = np.arange(sample.classes, dtype=np.float64)
        cost = np.abs(places[:, None] - places[None, :])
        if self.weights == "quadratic":
            cost = cost**2
        members, called = weighted.sum(axis=2), weighted.sum(axis=1)
        seen = np.einsum("bij,ij->b", weighted, cost)
        chance = np.einsum("bi,ij,bj->b", members, cost, called)
        return {"weighted_kappa": 1 - ratio(seen * members.sum(axis=1), chance)}

    def undefined(self, sample: CountTable) -> Mapping[str, Reason]:
        if not sample.n:
            return {"weighted_kappa": "no_rows"}
        return {"weighted_kappa": "one_class"} if len(sample.present) == 1 else {}

    def sizes(self, sample: CountTable) -> Mapping[str, int]:
        return {"weighted_kappa": sample.n}
