"""The area under the part of the ROC curve with few missed positives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brightfield.metrics.counted.partial_area import partial_area, roc_rates
from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.bootstrap import Batch


@dataclass(frozen=True)
class PartialAurocSensitivity(RocFamily):
    """The area at sensitivities from `min_sensitivity` on, standardised: 1 is perfect, 0.5 chance.

    The area between that sensitivity and 1, over the specificity: `partial_area` of the curve seen
    from its other end. Source: Jiang, Metz and Nishikawa, "A receiver operating characteristic
    partial area index for highly sensitive diagnostic tests", Radiology 201, 1996; standardised as
    McClish 1989.
    """

    least: float

    names: ClassVar[tuple[str, ...]] = ("partial_auroc_sensitivity",)
    option: ClassVar[str] = "min_sensitivity"

    @property
    def convention(self) -> str:
        return (
            f"at sensitivities from {self.least:g} on, standardised (McClish 1989): 1 is perfect, "
            "0.5 is chance"
        )

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        fpr, tpr = roc_rates(weighted)
        missed, rejected = 1 - tpr[:, ::-1], 1 - fpr[:, ::-1]
        return {"partial_auroc_sensitivity": partial_area(missed, rejected, 1 - self.least)}
