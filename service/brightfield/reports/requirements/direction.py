"""Which way a number is better."""

from __future__ import annotations

import re
from typing import Literal

# Of what is neither, such as the slope of a calibration, nobody can say that it got worse.
_LOWER = re.compile(
    r"hd\d[\d.]*|assd|brier|log_loss|ece\w*|mce\w*|lr_negative|merges|splits|mse|rmse|mae"
)
_HIGHER = re.compile(
    r"(?:partial_)?auroc\w*|average_precision|(?:balanced_|top_k_|pixel_|subset_)?accuracy"
    r"|sensitivity\w*|specificity\w*|[pn]pv|lr_positive|f1(?:_at_[\d.]+)?|f_beta|mcc"
    r"|(?:weighted_)?kappa|jaccard|(?:boundary_)?iou|dice|aji(?:_plus)?|nsd|[psr]q"
    r"|a[pr](?:\d[\d.]*|_\w+)?|psnr|ssim"
)
_MEANS = ("_macro", "_micro", "_weighted")


def better(metric: str) -> Literal[1, -1] | None:
    """1 where more is better, -1 where less is, None where neither is known."""
    base = metric.rpartition("_")[0] if metric.endswith(_MEANS) else metric
    if _LOWER.fullmatch(base):
        return -1
    return 1 if _HIGHER.fullmatch(base) else None
