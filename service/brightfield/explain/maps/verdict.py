"""What a map says about itself: that it is empty, has no numbers, or is nothing but rounding."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.images.picture import Note

# How far a sum that cancels may come from 0 by rounding, by the largest part of it.
_ROUNDING = 16 * torch.finfo(torch.float32).eps

NO_GRADIENT = (
    "The gradient is 0 everywhere: what the model computes is quantised (round, sign), saturated, "
    "or doesn't depend on the image. Try occlusion or rise."
)
NO_CHANGE = (
    "Hiding changes nothing: what hides may be what is there, the windows too small, or the score "
    "may not depend on the image. Try another baseline, a larger window or another target."
)
NO_VALUES = "Try another method, such as occlusion or rise."


def rounding(scale: float, dtype: torch.dtype = torch.float32) -> float:
    """The largest magnitude that rounding alone can give what cancels out of parts of a scale."""
    return scale * max(_ROUNDING, torch.finfo(dtype).eps)


def notes_on(values: NDArray[np.float32], noise: float, hint: str) -> tuple[Note, ...]:
    """What is to be known of a map's values, of which those up to `noise` say nothing."""
    finite = np.isfinite(values)
    if not finite.all():
        missing = values.size - int(finite.sum())
        return (
            Note(
                "not_finite",
                f"{missing} of the {values.size} values of the map are NaN or infinite, and drawn "
                f"as 0. {NO_VALUES}",
            ),
        )
    top = float(np.abs(values).max(initial=0.0))
    if top == 0:
        return (Note("empty_map", f"The map is 0 everywhere. {hint}"),)
    if top <= noise:
        return (
            Note(
                "rounding_noise",
                f"The values of the map, at most {top:.2g}, are errors of rounding in sums that "
                f"cancel; they were set to 0. {NO_VALUES}",
            ),
        )
    return ()


def is_noise(values: NDArray[np.float32], noise: float) -> bool:
    """Whether a map is nothing but rounding."""
    magnitudes = np.abs(values)
    return bool(np.isfinite(values).all()) and 0 < float(magnitudes.max(initial=0.0)) <= noise
