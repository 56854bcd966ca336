"""What the limits of an intensity are found from: the values of a plane, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.containers import in_eight_bits
from brightfield.images.signal import Judgement, Survey, judge, most, survey, together
from brightfield.tensors import Pixels
from brightfield_painting.intensity import SAMPLE, finite, sample


@dataclass(frozen=True, slots=True)
class Group:
    """PlaneValues with limits of their own: all channels of a colour, or one separate channel."""

    sample: NDArray[Any]
    least: float
    greatest: float
    surveys: tuple[Survey | None, ...]

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """Two percentiles of the finite values, both 0 where there are none."""
        if not self.sample.size:
            return 0.0, 0.0
        if (low, high) == (0, 100):
            return self.least, self.greatest
        values = self.sample.astype(np.float64) if self.sample.dtype.kind == "f" else self.sample
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.percentile(values, (low, high))
        return float(found[0]), float(found[1])

    def judgement(self) -> Judgement | None:
        """Whether there is a signal; None where the plane is too small to say."""
        found = [judge(one) for one in self.surveys if one is not None]
        return most(found) if found else None


@dataclass(frozen=True, slots=True)
class PlaneValues:
    """`colour`: three channels that are no images of their own. `eight`: they are an 8-bit picture
    in a wider type; `whole`: all are whole numbers."""

    dtype: np.dtype[Any]
    colour: bool
    eight: bool
    whole: bool
    groups: tuple[Group, ...]

    @property
    def least(self) -> float:
        return min(group.least for group in self.groups)

    @property
    def greatest(self) -> float:
        return max(group.greatest for group in self.groups)


def values_of(pixels: Pixels, *, separate: bool = False, planes: int = 1) -> PlaneValues:
    """The values of a plane (H, W, C), of a stack of so many: of each a share is kept."""
    channels = pixels.shape[2]
    apart = separate and channels > 1
    parts = [pixels[..., c : c + 1] for c in range(channels)] if apart else [pixels]
    groups = tuple(_group(part, planes) for part in parts)
    whole = pixels.dtype.kind in "ui" or all(
        bool((group.sample == np.rint(group.sample)).all()) for group in groups
    )
    eight = in_eight_bits(pixels)[0].dtype == np.uint8
    return PlaneValues(pixels.dtype, channels == 3 and not apart, eight, whole, groups)


def _group(pixels: Pixels, planes: int) -> Group:
    some = sample(pixels, max(1, SAMPLE // planes))
    known = finite(pixels.reshape(-1))
    least, greatest = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    surveys = tuple(survey(pixels[..., c], planes) for c in range(pixels.shape[2]))
    return Group(some, least, greatest, surveys)


def all_of(planes: Sequence[PlaneValues]) -> PlaneValues:
    """The values of several planes of one stack together."""
    first = planes[0]
    if len(planes) == 1:
        return first
    groups = tuple(_joined([plane.groups[i] for plane in planes]) for i in range(len(first.groups)))
    return PlaneValues(
        first.dtype,
        first.colour,
        all(plane.eight for plane in planes),
        all(plane.whole for plane in planes),
        groups,
    )


def _joined(groups: Sequence[Group]) -> Group:
    surveys: list[Survey | None] = []
    for of_channel in zip(*(group.surveys for group in groups), strict=True):
        known = [one for one in of_channel if one is not None]
        surveys.append(together(known) if known else None)
    filled = [group for group in groups if group.sample.size]
    return Group(
        np.concatenate([group.sample for group in groups]),
        min((group.least for group in filled), default=0.0),
        max((group.greatest for group in filled), default=0.0),
        tuple(surveys),
    )
