"""Whether two outputs for the same image are the same, but for rounding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from brightfield.models.architecture import Candidates
from brightfield.models.inspection.normalising import scores_of

# Of the greatest value, by dtype; half precisions are coarser.
_ROUNDING = {torch.float32: 1e-5, torch.float64: 1e-9}
_COARSE = 3e-2
# Of how much the outputs of different images differ.
_OF_SPREAD = 1e-2


def numbers(output: Any) -> Tensor | None:
    """(B, n) the numbers of an output that are compared; None where it has none.

    Of candidates, whose order depends on rounding, the best score of each in ascending order.
    """
    scores = scores_of(output)
    if not isinstance(scores, Tensor) or not scores.dim():
        return None
    values = scores.detach().double() if scores.dtype != torch.bool else scores.double()
    if isinstance(output, Candidates):
        return values.amax(-1).sort(-1).values
    return values.flatten(1) if values.dim() > 1 else values[:, None]


def dtype_of(output: Any) -> torch.dtype:
    """That of the scores."""
    dtype: torch.dtype = getattr(scores_of(output), "dtype", torch.float32)
    return dtype


def spread(outputs: Tensor) -> float:
    """How much the outputs (B, n) of different images differ at most."""
    return float((outputs.amax(0) - outputs.amin(0)).max()) if outputs.numel() else 0.0


def same_numbers(one: Tensor, other: Tensor, among: Tensor, dtype: torch.dtype) -> bool:
    """Whether two rows are the same but for rounding, which is told from the differences `among`
    the outputs of different images. Values that are not finite have to be alike."""
    if one.shape != other.shape:
        return False
    finite = one.isfinite() & other.isfinite()
    if not torch.equal(one[~finite].nan_to_num(), other[~finite].nan_to_num()):
        return False
    if not finite.any():
        return True
    known = among[among.isfinite().all(-1)]
    rounding = _ROUNDING.get(dtype, _COARSE) * float(one[finite].abs().max())
    tolerance = rounding + _OF_SPREAD * (spread(known) if len(known) > 1 else 0.0)
    return float((one[finite] - other[finite]).abs().max()) <= tolerance
