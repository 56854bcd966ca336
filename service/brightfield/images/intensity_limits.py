"""Which values of a plane, or of a whole stack, become 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from brightfield.images.containers import range_held
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Note
from brightfield.images.stretch import FoundLimits, doubts, signal_limits
from brightfield.images.values import Group, PlaneValues, all_of, values_of
from brightfield.tensors import Pixels

_AUTO = Intensity("auto")
_EXTREMES = (0.0, 100.0)

LowHigh = tuple[float, float]
Finder = Callable[[Group], FoundLimits]


@dataclass(frozen=True, slots=True)
class IntensityLimits:
    """The values that become 0 and 1, and how they were found (as an `Intensity` writes it).

    `pairs` has one pair for all channels, or one for each separate channel.
    """

    mode: str
    pairs: tuple[LowHigh, ...]
    notes: tuple[Note, ...] = ()

    @property
    def low(self) -> float:
        """The least value of any channel that becomes 0."""
        return min(pair[0] for pair in self.pairs)

    @property
    def high(self) -> float:
        """The greatest value of any channel that becomes 1."""
        return max(pair[1] for pair in self.pairs)


def limits(
    pixels: Pixels,
    intensity: Intensity,
    card_default: Intensity = _AUTO,
    *,
    separate: bool = False,
) -> IntensityLimits:
    """Which values of the whole plane `pixels` (H, W, C) become 0 and 1.

    `auto` is the card's; where that is `auto` too, `dtype` for pictures of 8 bits, in whatever
    type they are, and for floats in [0, 1] that are colours; the range that whole numbers of a
    colour picture were made for; `signal`, with a note, for others. `dtype` maps an integer type's
    whole range (floats are taken to lie in [0, 1] already). `signal` and percentiles are over the
    finite values of all channels together, or of each if they are `separate`; where both limits
    are the same value, the least and the greatest are taken, with a note. An image of one value
    has `low` equal to `high`. Explicit ranges and percentiles are never altered; percentiles
    within the noise, or of a few pixels, are noted.
    """
    wanted = card_default if intensity == "auto" else intensity
    found = known(pixels, wanted)
    if found is not None:
        return found
    return limits_of((values_of(pixels, separate=separate),), wanted)


def limits_of(planes: Sequence[PlaneValues], wanted: Intensity) -> IntensityLimits:
    """The limits for all planes of a stack together, as `limits` finds those of one."""
    values = all_of(planes)
    if wanted == "auto":
        return _automatic(values)
    if wanted == "dtype":
        return _of_dtype(values)
    if wanted == "signal":
        return _of_groups(values, "signal", signal_limits)
    pair = wanted.pair
    assert pair is not None
    if wanted.mode == "range":
        return IntensityLimits(str(wanted), (pair,))

    def percentiles(group: Group) -> FoundLimits:
        low, high = group.percentiles(*pair)
        return low, high, () if pair == _EXTREMES else doubts(group, low, high)

    return _of_groups(values, str(wanted), percentiles)


def known(pixels: Pixels, wanted: Intensity) -> IntensityLimits | None:
    """The limits that are known before a value is looked at."""
    if wanted.mode == "range":
        assert wanted.pair is not None
        return IntensityLimits(str(wanted), (wanted.pair,))
    eight = wanted == "auto" and pixels.dtype == np.uint8
    if eight or (wanted == "dtype" and pixels.dtype.kind in "ui"):
        return IntensityLimits("dtype", (_type_range(pixels.dtype),))
    return None


def _type_range(dtype: np.dtype[Any]) -> LowHigh:
    if dtype.kind not in "ui":
        return 0.0, 1.0
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def _automatic(values: PlaneValues) -> IntensityLimits:
    if values.eight:
        return _of_dtype(values)
    if values.colour:
        found = _of_colour(values)
        if found is not None:
            return found
    found = _of_groups(values, "signal", signal_limits)
    return IntensityLimits(found.mode, found.pairs, (_guessed(values, found), *found.notes))


def _of_colour(values: PlaneValues) -> IntensityLimits | None:
    """The range that a colour picture was made for, None where that isn't known."""
    if not any(group.sample.size for group in values.groups):
        return None  # no value is finite
    if values.dtype.kind == "f" and values.least >= 0 and values.greatest <= 1:
        return _of_dtype(values)
    held = range_held(values.dtype, values.least, values.greatest) if values.whole else None
    if held is None:
        return None
    if values.dtype.kind == "u" and held == _type_range(values.dtype):
        return _of_dtype(values)
    found = IntensityLimits(f"range:{held[0]:g},{held[1]:.10g}", (held,))
    return IntensityLimits(found.mode, found.pairs, (_guessed(values, found),))


def _guessed(values: PlaneValues, found: IntensityLimits) -> Note:
    return Note(
        "intensity_guessed",
        f"The {values.dtype} values {found.low:g} to {found.high:g} ({found.mode}) were scaled to "
        "[0, 1]; say intensity=range:low,high or intensity=dtype to choose.",
    )


def _of_dtype(values: PlaneValues) -> IntensityLimits:
    pair = _type_range(values.dtype)
    if values.dtype.kind in "ui" or (values.least >= 0 and values.greatest <= 1):
        return IntensityLimits("dtype", (pair,))
    note = Note(
        "values_clipped",
        f"The float values {values.least:g} to {values.greatest:g} were cut to [0, 1]; say "
        "intensity=range:low,high or intensity=percentile:1,99.8 to scale them.",
    )
    return IntensityLimits("dtype", (pair,), (note,))


def _of_groups(values: PlaneValues, mode: str, find: Finder) -> IntensityLimits:
    found = [_told_apart(group, *find(group)) for group in values.groups]
    notes = {note.code: note for _, _, of_group in reversed(found) for note in of_group}
    return IntensityLimits(mode, tuple((low, high) for low, high, _ in found), (*notes.values(),))


def _told_apart(group: Group, low: float, high: float, notes: tuple[Note, ...]) -> FoundLimits:
    if not group.sample.size:
        return 0.0, 0.0, (_constant("No value is finite"),)
    if low < high and isfinite(high - low):
        return low, high, notes
    # A few bright pixels on a flat ground: what the percentiles miss still tells them apart.
    bottom, top = group.least, group.greatest
    if bottom == top:
        return bottom, top, (_constant(f"Every value is {bottom:g}"),)
    detail = (
        f"The limits {low:g} and {high:g} do not tell values apart; the least and the greatest, "
        f"{bottom:g} and {top:g}, were taken instead."
    )
    return bottom, top, (Note("percentiles_equal", detail),)


def _constant(what: str) -> Note:
    return Note("constant_image", f"{what}; the image becomes 0 everywhere.")
