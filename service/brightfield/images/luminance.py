"""The brightness of colours as video has it, by which enlarged photographs are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Pixels

_BLACK = 16.0
_SHARES = np.array([65.481, 128.553, 24.966])  # of red, green and blue in the span above black


def luminance(pixels: Pixels, peak: float = 255.0) -> NDArray[np.float64]:
    """(H, W) luma Y = (16 peak + 65.481 R + 128.553 G + 24.966 B) / 255, not rounded.

    Of (H, W, 3) values from 0 to `peak`; at 255 it is between 16 and 235. Of one channel
    (H, W, 1): that of a grey image with this value in all three. The studio range of ITU-R BT.601,
    as MATLAB's rgb2ycbcr has it and super-resolution is measured by convention.
    """
    if pixels.shape[2] == 1:
        weighted = pixels[:, :, 0].astype(np.float64) * _SHARES.sum()
    else:
        weighted = pixels.astype(np.float64) @ _SHARES
    return np.asarray((_BLACK * peak + weighted) / 255)
