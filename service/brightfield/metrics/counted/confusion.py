"""The confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from brightfield.metrics.counted.counts import CountTable


def confusion(
    table: CountTable, labels: tuple[str, ...], threshold: float | None
) -> dict[str, Any]:
    """Counts with the truth in rows and the prediction in columns, and each row by its sum.

    The row of a class without members is null when normalised: it has no shares.
    """
    sums = table.counts.sum(axis=1)
    shares = table.counts / np.maximum(1, sums)[:, None]
    return {
        "labels": list(labels),
        "counts": table.counts.tolist(),
        "normalized": [
            row.tolist() if total else None
            for row, total in zip(shares, sums.tolist(), strict=True)
        ],
        "threshold": threshold,
    }
