"""How found objects match the true ones: panoptic quality, F1, merges and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from brightfield.metrics.counted.aggregated import AggregatedJaccard
from brightfield.metrics.counted.object_overlaps import ObjectOverlaps

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, ..., 0.95."""


@dataclass(frozen=True, slots=True)
class Matches:
    """How the true and the found objects of a pair match.

    A true and a found object match at a threshold when their IoU is above it, each with one other
    at most. With TP matches and FP and FN the found and true objects without
    one:

        f1 = 2 TP / (2 TP + FP + FN)
        rq = f1 at 0.5        sq = mean IoU of the matches at 0.5        pq = sq rq

    A found object that holds more than half of each of two true ones or more is a merge, a true
    object that holds more than half of each of two found ones or more is a split. Sources:
    Kirillov et al., "Panoptic segmentation", CVPR 2019; Caicedo et al., "Nucleus segmentation
    across imaging experiments", Nature Methods 16, 2019 (F1 over thresholds).
    """

    true: int
    found: int
    hits: tuple[int, ...]
    """TP at each of `THRESHOLDS`."""
    quality: float
    """The sum of the IoU of the matches at 0.5."""
    merges: int
    splits: int
    aji: AggregatedJaccard | None = None
    """None where an earlier version kept none, and so for `aji_plus`."""
    aji_plus: AggregatedJaccard | None = None

    @classmethod
    def of(cls, sides: ObjectOverlaps) -> Matches:
        """From what the objects of both sides share. A found object that is void for more than half
        and matches nothing at 0.5 does not count."""
        iou = sides.iou
        pairs = [sides.matched(iou, threshold) for threshold in THRESHOLDS]
        first, second = sides.true[sides.rows], sides.found[sides.columns]
        seen = second - sides.void[sides.columns]
        own = np.full(sides.true.size, -1), np.full(sides.found.size, -1)
        own[0][sides.rows[pairs[0]]] = sides.columns[pairs[0]]
        own[1][sides.columns[pairs[0]]] = sides.rows[pairs[0]]
        # An object that matches another one is merged with nothing, even if it lies over it.
        of_true, of_found = own[0][sides.rows], own[1][sides.columns]
        true_free = (of_true < 0) | (of_true == sides.columns)
        found_free = (of_found < 0) | (of_found == sides.rows)
        merged = np.bincount(sides.columns[(2 * sides.shared > first) & true_free], minlength=1)
        split = np.bincount(sides.rows[(2 * sides.shared > seen) & found_free], minlength=1)
        unknown = 2 * sides.void > sides.found
        unknown[sides.columns[pairs[0]]] = False
        return cls(
            sides.true.size,
            sides.found.size - int(unknown.sum()),
            tuple(own.size for own in pairs),
            float(iou[pairs[0]].sum()),
            int((merged > 1).sum()),
            int((split > 1).sum()),
            AggregatedJaccard.nearest(sides),
            AggregatedJaccard.one_to_one(sides),
        )

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any]) -> Matches:
        """From what `kept` gave."""
        sums = {
            name: AggregatedJaccard(**kept[name])
            for name in ("aji", "aji_plus")
            if kept.get(name) is not None
        }
        return cls(**{**kept, **sums, "hits": tuple(kept["hits"])})

    def kept(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)

    @property
    def either(self) -> int:
        """True and found objects together: 2 TP + FP + FN."""
        return self.true + self.found

    def matched(self, threshold: float) -> int:
        """TP at one of `THRESHOLDS`."""
        return self.hits[THRESHOLDS.index(threshold)]

    @property
    def count_error(self) -> int:
        """How many objects too many were found, negative for too few."""
        return self.found - self.true
