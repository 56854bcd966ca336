"""How bright a colour looks."""

from __future__ import annotations

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""(3,): the weights of red, green and blue in the luma of ITU-R BT.601."""
