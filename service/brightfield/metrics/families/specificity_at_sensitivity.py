"""The best specificity that leaves a sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brightfield.metrics.counted.partial_area import roc_rates
from brightfield.metrics.counted.ranking import Ranking, RocFamily, Sweep
from brightfield.metrics.statistics.bootstrap import Batch

# A sensitivity that is less by rounding alone is enough.
_NEARLY = 1 - 1e-12


@dataclass(frozen=True)
class SpecificityAtSensitivity(RocFamily):
    """The greatest specificity of all thresholds whose sensitivity is at least `at_sensitivity`.

    In [0, 1]. Only thresholds that the scores have count, nothing between them; each resample of
    the bootstrap looks for its own. Source: Zhou, Obuchowski and McClish, "Statistical Methods in
    Diagnostic Medicine", 2nd edition, 2011, section 4.3.
    """

    least: float

    names: ClassVar[tuple[str, ...]] = ("specificity_at_sensitivity",)
    option: ClassVar[str] = "at_sensitivity"

    @property
    def convention(self) -> str:
        return (
            f"the greatest specificity of all thresholds with a sensitivity of at least "
            f"{self.least:g}, found on the same rows"
        )

    def values(self, sample: Ranking, weighted: Sweep) -> Mapping[str, Batch]:
        fpr, tpr = roc_rates(weighted)
        best = np.where(tpr >= self.least * _NEARLY, 1 - fpr, 0.0).max(axis=1)
        known = ~(np.isnan(fpr[:, 0]) | np.isnan(tpr[:, 0]))
        return {"specificity_at_sensitivity": np.where(known, best, np.nan)}
