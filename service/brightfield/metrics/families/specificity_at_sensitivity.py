"""The best specificity that leaves a sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brightfield.metrics.counted.partial_area import best_rate, roc_rates
from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.bootstrap import Batch


@dataclass(frozen=True)
class SpecificityAtSensitivity(RocFamily):
    """The greatest specificity of all thresholds whose sensitivity is at least `at_sensitivity`.

    In [0, 1]. Only thresholds that the scores have count, nothing between them; each resample of
    the bootstrap looks for its own. Source: Zhou, Obuchowski and McClish, "Statistical Methods in
    Diagnostic Medicine", 2nd edition, 2011, section 4.3.
    """

    least: float

    names: ClassVar[tuple[str, ...]] = ("specificity_at_sensitivity",)
    fixed: ClassVar[frozenset[str]] = frozenset(names)
    smooth: ClassVar[bool] = False
    option: ClassVar[str] = "at_sensitivity"

    @property
    def convention(self) -> str:
        return (
            f"the greatest specificity of all thresholds with a sensitivity of at least "
            f"{self.least:g}, found on the same rows"
        )

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        fpr, tpr = roc_rates(weighted)
        return {"specificity_at_sensitivity": best_rate(tpr, 1 - fpr, self.least)}
