"""Intensity: how an image's own values are brought to [0, 1]."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from brightfield.images.picture import Note
from brightfield.tensors import Pixels
from brightfield_painting.intensity import percentiles, sample

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"\s*(percentile|range)\s*:\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_DEFAULT, _DEFAULT_PERCENTILES = "percentile:1,99.8", (1.0, 99.8)


class Intensity(str):
    """`auto`, `dtype`, `percentile:low,high` or `range:low,high`, checked when it is made.

    Raises `ValueError` with what would be right.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Intensity:
        _parse(text)
        return super().__new__(cls, "".join(text.split()))

    @property
    def pair(self) -> tuple[float, float] | None:
        """The two numbers of `percentile` and `range`."""
        return _parse(self)

    @property
    def mode(self) -> str:
        """The word before the colon."""
        return self.partition(":")[0]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": rf"^(auto|dtype|(percentile|range):{_NUMBER},{_NUMBER})$",
            "examples": ["auto", "dtype", "percentile:1,99.8", "range:0,4095"],
        }


def _parse(text: str) -> tuple[float, float] | None:
    if text.strip() in ("auto", "dtype"):
        return None
    match = _PAIR.fullmatch(text)
    if match is None:
        raise ValueError("write auto, dtype, percentile:low,high or range:low,high")
    low, high = float(match[2]), float(match[3])
    if not low < high:
        raise ValueError("the first number must be below the second")
    if match[1] == "percentile" and not (low >= 0 and high <= 100):
        raise ValueError("percentiles lie between 0 and 100")
    return low, high


class IntensityLimits(NamedTuple):
    """The values that become 0 and 1, and how they were found (as an `Intensity` writes it)."""

    mode: str
    low: float
    high: float
    notes: tuple[Note, ...] = ()


_AUTO = Intensity("auto")


def limits(
    pixels: Pixels, intensity: Intensity, card_default: Intensity = _AUTO
) -> IntensityLimits:
    """Which values of the whole plane `pixels` (H, W, C) become 0 and 1.

    `auto` is the card's; where that is `auto` too, `dtype` for 8-bit images and
    `percentile:1,99.8`, with a note, for others. `dtype` maps an integer type's whole range
    (floats are taken to lie in [0, 1] already). Percentiles are over the finite values of all
    channels together; where both are the same value, the least and the greatest are taken, with a
    note. An image of one value has `low` equal to `high`.
    """
    wanted = card_default if intensity == "auto" else intensity
    if wanted == "auto":
        return _automatic(pixels)
    if wanted == "dtype":
        return _of_dtype(pixels)
    pair = wanted.pair
    assert pair is not None
    if wanted.mode == "range":
        return IntensityLimits(str(wanted), *pair)
    return _percentiles(pixels, str(wanted), *pair)


def _automatic(pixels: Pixels) -> IntensityLimits:
    if pixels.dtype == np.uint8:
        return _of_dtype(pixels)
    found = _percentiles(pixels, _DEFAULT, *_DEFAULT_PERCENTILES)
    guessed = Note(
        "intensity_guessed",
        f"The {pixels.dtype} values {found.low:g} to {found.high:g} ({_DEFAULT}) were scaled to "
        "[0, 1]; say intensity=range:low,high or intensity=dtype to choose.",
    )
    return found._replace(notes=(guessed, *found.notes))


def _of_dtype(pixels: Pixels) -> IntensityLimits:
    if pixels.dtype.kind in "ui":
        info = np.iinfo(pixels.dtype)
        return IntensityLimits("dtype", float(info.min), float(info.max))
    finite = sample(pixels)
    if finite.size and (finite.min() < 0 or finite.max() > 1):
        note = Note(
            "values_clipped",
            f"The float values {finite.min():g} to {finite.max():g} were cut to [0, 1]; say "
            "intensity=range:low,high or intensity=percentile:1,99.8 to scale them.",
        )
        return IntensityLimits("dtype", 0.0, 1.0, (note,))
    return IntensityLimits("dtype", 0.0, 1.0)


def _percentiles(pixels: Pixels, mode: str, low: float, high: float) -> IntensityLimits:
    bottom, top, values = percentiles(pixels, low, high)
    if not values.size:
        return IntensityLimits(mode, 0.0, 0.0, (_constant("No value is finite"),))
    if bottom < top and isfinite(top - bottom):
        return IntensityLimits(mode, bottom, top)
    # A few bright pixels on a flat ground: what the percentiles miss still tells them apart.
    bottom, top = float(values.min()), float(values.max())
    if bottom == top:
        return IntensityLimits(mode, bottom, top, (_constant(f"Every value is {bottom:g}"),))
    detail = (
        f"The percentiles {low:g} and {high:g} do not tell values apart; the least and the "
        f"greatest, {bottom:g} and {top:g}, were taken instead."
    )
    return IntensityLimits(mode, bottom, top, (Note("percentiles_equal", detail),))


def _constant(what: str) -> Note:
    return Note("constant_image", f"{what}; the image becomes 0 everywhere.")
