"""Named aliases for arrays: shape, dtype and range are part of the name's meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""(H, W) float32: one value per pixel, signed where the method is."""

Pixels = NDArray[Any]
"""(H, W, C) of an image's own dtype: uint8, uint16, uint32, float32, ..."""

Rgb = NDArray[np.uint8]
"""(H, W, 3) uint8: a picture as it is drawn."""

UnitPixels = NDArray[np.float32]
"""(H, W, C) float32 in [0, 1]: after intensity scaling, before mean and std."""
