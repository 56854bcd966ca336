"""The values that become 0 and 1 in a model's input, of a plane or of a whole stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from brightfield.cards import InputSpec
from brightfield.images.containers import in_eight_bits
from brightfield.images.intensity import Intensity
from brightfield.images.intensity_limits import IntensityLimits, LowHigh, known, limits, limits_of
from brightfield.images.picture import Note, Picture
from brightfield.images.values import PlaneValues, values_of
from brightfield.tensors import Pixels
from brightfield_painting import scale


class Scaling(NamedTuple):
    """The values that became 0 and 1, and how they were found (as an `Intensity` writes it)."""

    mode: str
    low: float
    high: float
    channels: tuple[LowHigh, ...] = ()
    """The limits of each channel, where they have their own; `low` and `high` enclose them all."""

    @classmethod
    def of(cls, found: IntensityLimits) -> Scaling:
        """The limits as they are applied and reported."""
        apart = found.pairs if len(found.pairs) > 1 else ()
        return cls(found.mode, found.low, found.high, apart)


def joined(channels: Sequence[Scaling]) -> Scaling:
    """The one scaling of channels that were scaled one by one."""
    if len(channels) == 1:
        return channels[0]
    pairs = tuple((one.low, one.high) for one in channels)
    found = IntensityLimits(channels[0].mode, pairs)
    return Scaling.of(found)


def whole_plane_scaling(
    picture: Picture, spec: InputSpec, intensity: Intensity
) -> tuple[Scaling, tuple[Note, ...]]:
    """The intensities that become 0 and 1: the caller's wish, else the card's, else the dtype's."""
    separate = picture.facts.separate
    found = limits(picture.pixels, intensity, spec.intensity, separate=separate)
    return Scaling.of(found), found.notes


def stack_scaling(
    pictures: Iterable[Picture], count: int, spec: InputSpec, intensity: Intensity
) -> tuple[Scaling, tuple[Note, ...]]:
    """The same of all `count` planes of a stack together: one scaling for each of them.

    Of every plane only a share of its values is kept, so a stack may be of any size.
    """
    wanted = spec.intensity if intensity == "auto" else intensity
    planes: list[PlaneValues] = []
    for picture in pictures:
        found = known(picture.pixels, wanted)
        if found is not None:
            return Scaling.of(found), found.notes
        separate = picture.facts.separate
        planes.append(values_of(picture.pixels, separate=separate, planes=count))
        del picture  # before the next one is decoded
    together = limits_of(planes, wanted)
    return Scaling.of(together), together.notes


def scaled(pixels: Pixels, scaling: Scaling) -> Pixels:
    """Float in [0, 1], or 8-bit as it is where 0 to 255 is what becomes 0 to 1.

    An 8-bit picture in a wider type is computed with in 8 bits, so its type changes no answer.
    """
    if scaling.channels:
        each = (scale(pixels[..., c : c + 1], *pair) for c, pair in enumerate(scaling.channels))
        return np.concatenate(list(each), axis=2)
    pixels, step = in_eight_bits(pixels)
    low, high = scaling.low / step, scaling.high / step
    if pixels.dtype.kind in "ui" and (round(low, 9), round(high, 9)) == (0, 255):
        eight = pixels.dtype == np.uint8
        return pixels if eight else np.clip(pixels, 0, 255).astype(np.uint8)
    return scale(pixels, low, high)
