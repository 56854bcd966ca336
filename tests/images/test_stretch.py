"""What the warnings about limits advise is accepted when it is followed, and limits ask first."""

from __future__ import annotations

import re

import numpy as np
import pytest

from brightfield.images.intensity import Intensity
from brightfield.images.intensity_limits import limits

SIGNAL = Intensity("signal")
NOISE = np.random.default_rng(0).normal(400, 20, (128, 128, 1)).astype(np.uint16)


def with_square(
    side: int, value: int, count: int = 1
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    field = NOISE.copy()
    for place in range(count):
        at = 8 + 24 * (place % 5), 8 + 24 * (place // 5)
        field[at[0] : at[0] + side, at[1] : at[1] + side] = value
    return field


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (NOISE, "low_contrast"),
        (np.where(np.arange(128 * 128).reshape(128, 128, 1) % 173 == 0, 60_000,
                  with_square(12, 3000, 20)), "few_bright_pixels"),
    ],
)  # fmt: skip
def test_every_advice_works(
    field: np.ndarray[tuple[int, ...], np.dtype[np.uint16]], code: str
) -> None:
    found = limits(field.astype(np.uint16), SIGNAL)
    (note,) = found.notes
    assert note.code == code
    for text in re.findall(r"intensity=(range:[-\d.e+]+,[-\d.e+]+)", note.detail):
        explicit = limits(field.astype(np.uint16), Intensity(text))
        assert str(explicit.mode) == text and not explicit.notes


def test_noise_has_little_of_the_range_and_a_signal_all() -> None:
    quiet = limits(NOISE, SIGNAL)
    assert quiet.high - quiet.low > 400
    clear = limits(with_square(12, 3000, 20), SIGNAL)
    assert clear.notes == () and 2900 < clear.high <= 3000


@pytest.mark.parametrize("factor", [257, 1 / 65535])
def test_limits_scale_with_the_values(factor: float) -> None:
    field = with_square(12, 200, 20).clip(0, 255)
    wide = (field * np.float64(factor)).astype(np.uint16 if factor > 1 else np.float64)
    found, same = limits(wide, SIGNAL), limits(field, SIGNAL)
    np.testing.assert_allclose((found.low, found.high), (same.low * factor, same.high * factor))


def test_explicit_percentiles_stay_and_are_doubted() -> None:
    found = limits(NOISE, Intensity("percentile:1,99.8"))
    np.testing.assert_allclose((found.low, found.high), np.percentile(NOISE, (1, 99.8)))
    assert [note.code for note in found.notes] == ["low_contrast"]
