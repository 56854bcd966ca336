"""The best sensitivity that leaves a specificity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brightfield.metrics.counted.partial_area import best_rate, roc_rates
from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.bootstrap import Batch


@dataclass(frozen=True)
class SensitivityAtSpecificity(RocFamily):
    """The greatest sensitivity of all thresholds whose specificity is at least `at_specificity`.

    In [0, 1]. Only thresholds that the scores have count, nothing between them; each resample of
    the bootstrap looks for its own. Source: Zhou, Obuchowski and McClish, "Statistical Methods in
    Diagnostic Medicine", 2nd edition, 2011, section 4.3.
    """

    least: float

    names: ClassVar[tuple[str, ...]] = ("sensitivity_at_specificity",)
    fixed: ClassVar[frozenset[str]] = frozenset(names)
    smooth: ClassVar[bool] = False
    option: ClassVar[str] = "at_specificity"

    @property
    def convention(self) -> str:
        return (
            f"the greatest sensitivity of all thresholds with a specificity of at least "
            f"{self.least:g}, found on the same rows"
        )

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        fpr, tpr = roc_rates(weighted)
        return {"sensitivity_at_specificity": best_rate(1 - fpr, tpr, self.least)}
