"""Calibration and lookup tables of ImageJ: what it measures is what is read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile

from brightfield.images.calibration import ValueCalibration
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture

RAMP = (np.arange(12 * 17, dtype=np.uint16) * 300).reshape(12, 17)


def imagej(array: np.ndarray[Any, Any], lines: str = "", **options: Any) -> Picture:
    file = io.BytesIO()
    text = f"ImageJ=1.53t\n{lines}"
    tifffile.imwrite(file, array, description=text, metadata=None, **options)
    return decode(file.getvalue(), limits=Limits(10**6))


@pytest.mark.parametrize(
    ("lines", "expected", "code"),
    [
        ("cf=0\nc0=-32768.0\nc1=1.0\n", RAMP.astype(np.int64) - 32768, "calibration_applied"),
        ("cf=0\nc0=1.5\nc1=-2.0\n", 1.5 - 2.0 * RAMP, "calibration_applied"),
        ("cf=1\nc0=1\nc1=0\nc2=2\nzeroclip=true\n", 1 + 2.0 * RAMP.astype(float) ** 2,
         "calibration_applied"),
        ("cf=8\nc0=1\nc1=2\nc2=3\nc3=4\n", RAMP, "calibration_ignored"),
    ],
)  # fmt: skip
def test_calibrated_values_are_read(lines: str, expected: Any, code: str) -> None:
    found = imagej(RAMP, lines)
    np.testing.assert_allclose(found.pixels[..., 0], expected, rtol=1e-6)
    assert [note.code for note in found.notes] == [code]


def test_signed_values_stay_whole_numbers() -> None:
    assert imagej(RAMP, "cf=0\nc0=-32768.0\nc1=1.0\n").pixels.dtype == np.int16


def test_neutral_calibrations_change_nothing() -> None:
    pixels = RAMP[..., None]
    for function, coefficients in ((20, ()), (0, (0.0, 1.0)), (0, ())):
        assert ValueCalibration(function, coefficients)(pixels) == (pixels, ())


def test_lookup_tables_are_display() -> None:
    eight = (RAMP // 256).astype(np.uint8)
    fire = np.stack([np.arange(256)[::-1], np.arange(256), np.zeros(256)]).astype(np.uint16) * 256
    for options in ({"photometric": "miniswhite"}, {"photometric": "palette", "colormap": fire}):
        found = imagej(eight, **options)
        np.testing.assert_array_equal(found.pixels[..., 0], eight)
        assert [note.code for note in found.notes] == ["lookup_table_ignored"]
