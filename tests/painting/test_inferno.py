"""The table of colours against the library that it was taken from."""

from __future__ import annotations

import cv2
import numpy as np

from brightfield_painting.inferno import INFERNO


def test_the_table_is_opencvs() -> None:
    steps = np.arange(256, dtype=np.uint8)[:, None]
    expected = cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    np.testing.assert_array_equal(INFERNO, expected)
