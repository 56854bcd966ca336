"""The area under the part of the ROC curve with few false positives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brightfield.metrics.counted.partial_area import partial_area, roc_rates
from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.bootstrap import Batch


@dataclass(frozen=True)
class PartialAuroc(RocFamily):
    """The area at false positive rates up to `max_fpr`, standardised: 1 is perfect, 0.5 chance.

    Formula and source: `partial_area`; the same as scikit-learn's `roc_auc_score(max_fpr=...)`.
    """

    most: float

    names: ClassVar[tuple[str, ...]] = ("partial_auroc",)
    option: ClassVar[str] = "max_fpr"

    @property
    def convention(self) -> str:
        return (
            f"at false positive rates up to {self.most:g}, standardised (McClish 1989): 1 is "
            "perfect, 0.5 is chance"
        )

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        return {"partial_auroc": partial_area(*roc_rates(weighted), self.most)}
