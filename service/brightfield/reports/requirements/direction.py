"""Which way a number is better."""

from __future__ import annotations

import re
from typing import Literal

# Of what is neither, such as the slope of a calibration, nobody can say that it got worse.
_LOWER = re.compile(
    r"hd\d[\d.]*|hd|assd|brier|log_loss|ece\w*|mce\w*|merges|splits|mse|rmse|mae|count_mae"
)
_HIGHER = re.compile(
    r"auroc|p?auroc_\w+|partial_auroc\w*|average_precision|(?:balanced_)?accuracy|top_?\w*accuracy"
    r"|sensitivity\w*|specificity\w*|[pn]pv|precision|recall|f[\d.]+(?:_at_[\d.]+)?|mcc|\w*kappa"
    r"|jaccard|iou|boundary_iou|dice|aji\w*|pixel_accuracy|nsd|[psr]q|a[pr](?:\d[\d.]*|_\w+)?"
    r"|psnr|ssim|exact_match"
)
_MEANS = ("_macro", "_micro", "_weighted")


def better(metric: str) -> Literal[1, -1] | None:
    """1 where more is better, -1 where less is, None where neither is known."""
    base = metric.rpartition("_")[0] if metric.endswith(_MEANS) else metric
    if _LOWER.fullmatch(base):
        return -1
    return 1 if _HIGHER.fullmatch(base) else None
