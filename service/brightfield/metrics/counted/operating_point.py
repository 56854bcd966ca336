"""From a sliding threshold to one: rules that choose an operating point."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.ranking import Ranking
from brightfield.metrics.statistics.estimate import Reason

RuleKind = Literal["youden", "sensitivity", "specificity", "cost"]

_RULE = re.compile(r"\s*(?:(youden)|(sensitivity|specificity)\s*>=\s*(\S+)|(cost)\s*=\s*(\S+))\s*")


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """How a threshold is chosen from the data.

    - `youden`: the greatest sensitivity + specificity - 1 (Youden, "Index for rating diagnostic
      tests", Cancer 3, 1950).
    - `sensitivity>=x`: of the thresholds with that sensitivity the one with the greatest
      specificity; `specificity>=x` the other way round.
    - `cost=r`: the least FP + r FN, where a missed positive costs r times a false alarm.

    Among thresholds that are equally good the one with the higher sensitivity is taken.
    """

    kind: RuleKind
    target: float = math.nan

    @classmethod
    def parse(cls, text: str) -> ThresholdRule:
        """Raises `ValueError` with a sentence."""
        match = _RULE.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            if match[1]:
                return cls("youden")
            kind: RuleKind = match[2] or match[4]  # type: ignore[assignment]
            target = float(match[3] or match[5])
            if not (target > 0 if kind == "cost" else 0 <= target <= 1) or math.isinf(target):
                raise ValueError
            return cls(kind, target)
        except ValueError:
            raise ValueError(
                f"{text!r} is no rule; there are youden, sensitivity>=0.9, specificity>=0.95 and "
                "cost=5 (what a missed positive costs in false alarms)"
            ) from None

    def __str__(self) -> str:
        if self.kind == "youden":
            return self.kind
        return f"{self.kind}{'=' if self.kind == 'cost' else '>='}{self.target:g}"

    def undefined(self, ranking: Ranking) -> Reason | None:
        """Why no threshold can be chosen."""
        if not ranking.positives:
            return "no_positives" if ranking.n else "no_rows"
        return None if ranking.negatives else "no_negatives"

    def threshold(self, ranking: Ranking) -> float:
        """The threshold; infinite where the best is to call nothing positive.

        Counts are compared as integers, so that ties are ties.
        """
        tp, fp = np.append(0, ranking.tp), np.append(0, ranking.fp)
        score = self._score(tp, fp, ranking)
        # Positives come in by descending threshold, so the last of equals is the most sensitive.
        best = score.size - 1 - int(np.argmax(score[::-1]))
        return math.inf if best == 0 else float(ranking.thresholds[best - 1])

    def _score(
        self, tp: NDArray[np.int64], fp: NDArray[np.int64], ranking: Ranking
    ) -> NDArray[np.float64]:
        """What is to be greatest; -inf where the rule forbids the threshold."""
        positives, negatives = ranking.positives, ranking.negatives
        if self.kind == "youden":
            return (tp * negatives - fp * positives).astype(np.float64)
        if self.kind == "cost":
            return -(fp + self.target * (positives - tp))
        if self.kind == "sensitivity":
            return np.where(tp / positives >= self.target, -fp.astype(np.float64), -np.inf)
        specific = (negatives - fp) / negatives >= self.target
        return np.where(specific, tp.astype(np.float64), -np.inf)
