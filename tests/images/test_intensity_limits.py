"""Intensity against numpy's percentiles and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import BaseModel, ValidationError

from brightfield.images.intensity import Intensity
from brightfield.images.intensity_limits import IntensityLimits, limits
from brightfield_painting import scale

AUTO = Intensity("auto")


class Body(BaseModel):
    intensity: Intensity = AUTO


def codes(found: Any) -> list[str]:
    return [note.code for note in found.notes]


@pytest.mark.parametrize(
    ("text", "mode", "pair"),
    [
        ("auto", "auto", None),
        ("dtype", "dtype", None),
        ("percentile:1,99.8", "percentile", (1.0, 99.8)),
        (" range : -5 , 1e3 ", "range", (-5.0, 1000.0)),
    ],
)
def test_what_is_understood(text: str, mode: str, pair: tuple[float, float] | None) -> None:
    made = Intensity(text)
    assert (made.mode, made.pair) == (mode, pair)
    assert Body.model_validate({"intensity": text}).intensity == made
    assert " " not in made


@pytest.mark.parametrize(
    "wrong",
    ["", "max", "percentile", "percentile:1", "percentile:-1,50", "percentile:2,101",
     "percentile:9,9", "range:5,4", "range:a,b", "range:1,2,3"],
)  # fmt: skip
def test_what_is_not(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"below|between|write"):
        Intensity(wrong)
    with pytest.raises(ValidationError):
        Body.model_validate({"intensity": wrong})


def test_its_schema_is_a_string_with_examples() -> None:
    schema = Body.model_json_schema()["properties"]["intensity"]
    assert schema["type"] == "string"
    assert all(Intensity(example) for example in schema["examples"])
    assert Body().model_dump_json() == '{"intensity":"auto"}'


def test_auto_is_the_cards_else_by_the_dtype() -> None:
    eight = np.arange(24, dtype=np.uint8).reshape(4, 6, 1)
    assert limits(eight, AUTO) == IntensityLimits("dtype", ((0, 255),))
    card = Intensity("range:2,9")
    assert limits(eight, AUTO, card) == IntensityLimits("range:2,9", ((2, 9),))
    assert limits(eight, Intensity("dtype"), card) == IntensityLimits("dtype", ((0, 255),))
    guessed = limits(eight.astype(np.uint16), AUTO)
    assert (guessed.mode, codes(guessed)) == ("signal", ["intensity_guessed"])


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f2", "f4", "f8"])
def test_percentiles_are_numpys(dtype: str) -> None:
    pixels = np.random.default_rng(0).normal(100, 30, (50, 60, 3)).clip(0, 250).astype(dtype)
    found = limits(pixels, Intensity("percentile:2,97.5"))
    expected = np.percentile(pixels.astype(np.float64), (2, 97.5))
    np.testing.assert_allclose((found.low, found.high), expected, rtol=1e-6)
    assert codes(found) == ["low_contrast"]  # they are kept, and lie in noise


def test_percentiles_of_large_planes_are_close() -> None:
    # Columns and channels of their own values: every third value would be one channel's alone.
    columns = np.arange(2048, dtype=np.uint16)[None, :, None] + np.array([0, 5000, 9000], np.uint16)
    pixels = np.tile(columns, (2000, 1, 1))
    found = limits(pixels, Intensity("percentile:1,99.8"))
    expected = np.percentile(pixels, (1, 99.8))
    np.testing.assert_allclose((found.low, found.high), expected, atol=0.002 * 11_000)


def test_only_finite_values_count() -> None:
    pixels = np.linspace(0, 1, 1000, dtype=np.float32).reshape(20, 50, 1).copy()
    pixels[0, :3, 0] = (np.nan, np.inf, -np.inf)
    found = limits(pixels, Intensity("percentile:0,100"))
    np.testing.assert_allclose((found.low, found.high), (3 / 999, 1))


def test_floats_under_dtype_lie_in_unit_range() -> None:
    inside = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4, 1)
    assert limits(inside, Intensity("dtype")) == IntensityLimits("dtype", ((0, 1),))
    assert codes(limits(inside * 3, Intensity("dtype"))) == ["values_clipped"]


def test_a_constant_image_becomes_zeros() -> None:
    pixels = np.full((4, 5, 1), 700, np.uint16)
    found = limits(pixels, Intensity("percentile:1,99.8"))
    assert codes(found) == ["constant_image"]
    assert not scale(pixels, found.low, found.high).any()
    nothing = limits(np.full((2, 2, 1), np.nan, np.float32), Intensity("percentile:1,99.8"))
    assert codes(nothing) == ["constant_image"]


def test_a_few_bright_pixels_on_flat_ground_stay_visible() -> None:
    pixels = np.zeros((100, 100, 1), np.uint16)
    pixels[3, 4] = 900
    found = limits(pixels, Intensity("percentile:1,99.8"))
    assert (found.low, found.high) == (0, 900)
    assert codes(found) == ["percentiles_equal"]


@settings(deadline=None)
@given(
    hnp.arrays(st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64]), (3, 4, 2)),
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
)
def test_scaling_is_the_clipped_quotient(
    pixels: np.ndarray[Any, Any], low: float, span: float
) -> None:
    unit = scale(pixels, low, low + span)
    assert unit.dtype == np.float32
    assert unit.min() >= 0
    assert unit.max() <= 1
    finite = np.isfinite(pixels)
    with np.errstate(over="ignore"):  # what overflows here is clipped to 0 or 1
        share = (pixels[finite].astype(np.float64) - low) / ((low + span) - low)
    expected = np.clip(share, 0, 1)
    # float32 is used for 8 and 16 bits, whose values and limits it may hold to 2^-24 of the limit.
    error = 2.0**-21 * (1 + (abs(low) + 65536) / span if pixels.dtype.itemsize <= 2 else 1)
    np.testing.assert_allclose(unit[finite], expected, atol=error)
    assert (unit[np.isnan(pixels)] == 0).all()


def test_every_8_bit_value_is_its_share_of_255() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    expected = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(scale(pixels, 0, 255), expected)


def test_neighbouring_large_counts_stay_apart() -> None:
    pixels = np.array([2**31, 2**31 + 1, 2**31 + 2], np.uint32).reshape(1, 3, 1)
    np.testing.assert_array_equal(scale(pixels, 2**31, 2**31 + 2).ravel(), [0, 0.5, 1])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_values_whose_difference_overflows_are_no_fault(dtype: str) -> None:
    far = np.finfo(dtype).max
    pixels = np.array([-far, 0, far], dtype).reshape(1, 3, 1)
    for wanted in ("auto", "percentile:0,100", "range:-1e308,1e308", "range:0,1e-45"):
        found = limits(pixels, Intensity(wanted))
        unit = scale(pixels, found.low, found.high)
        assert np.isfinite((found.low, found.high)).all()
        assert ((unit >= 0) & (unit <= 1)).all()


def test_the_extremes_of_a_large_plane_are_exact() -> None:
    plane = np.full((2001, 2003, 1), 500, np.uint16)
    plane[1, 1], plane[1999, 2001] = 7, 65_000  # one pixel each: a sample would miss them
    found = limits(plane, Intensity("percentile:0,100"))
    assert (found.low, found.high) == (7, 65_000)
    assert limits(plane, Intensity("percentile:0.1,99.9")).notes[0].code == "percentiles_equal"
