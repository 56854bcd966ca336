"""The aggregated Jaccard index of objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brightfield.metrics.counted.object_overlaps import ObjectOverlaps, PixelCounts

# Of pairs with equal IoU the one that shares more comes first.
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class AggregatedJaccard:
    """Sums of pixels over the pairs of true and found objects.

        aji = shared pixels of the pairs / (pixels of the pairs' unions + of all without partner)

    For `aji` each true object is paired with the found one of the greatest IoU, which may be the
    partner of several; for `aji_plus` each has one partner at most, so that the sum of IoU is the
    greatest. Void pixels count nowhere, and a found object without partner that is void for more
    than half does not count. Sources: Kumar et al., "A dataset and a technique for generalized
    nuclear segmentation for computational pathology", IEEE TMI 36, 2017; Graham et al.,
    "HoVer-Net", Medical Image Analysis 58, 2019 (aji_plus).
    """

    shared: int
    either: int

    @classmethod
    def nearest(cls, sides: ObjectOverlaps) -> AggregatedJaccard:
        """Each true object with the found one that is most like it."""
        order = np.lexsort((-sides.shared, -sides.iou, sides.rows))
        _, first = np.unique(sides.rows[order], return_index=True)
        return cls._of(sides, order[first])

    @classmethod
    def one_to_one(cls, sides: ObjectOverlaps) -> AggregatedJaccard:
        """Each object with one other at most."""
        worth = sides.iou + _TIE * sides.shared / max(1, int(sides.shared.max(initial=0)))
        return cls._of(sides, sides.assigned(np.arange(sides.rows.size), worth))

    @classmethod
    def _of(cls, sides: ObjectOverlaps, pairs: PixelCounts) -> AggregatedJaccard:
        columns = sides.columns[pairs]
        seen, shared = sides.found - sides.void, int(sides.shared[pairs].sum())
        alone = 2 * sides.void <= sides.found
        alone[columns] = False
        # A true object is in one pair at most, so all of them count once.
        total = int(sides.true.sum()) + int(seen[columns].sum()) - shared
        return cls(shared, total + int(seen[alone].sum()))
