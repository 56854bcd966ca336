"""Does a plane rise above its own noise, and how far?

The medians of blocks, less an uneven background, are normally distributed where there is nothing
but noise, however it is blurred, and so are the differences between neighbouring blocks. Objects
are outliers of one or the other. Everything scales with the values, so the container of a picture
(8 bit, 16 bit, float) doesn't matter. The limits were chosen by measurement
(docs/decisions/0031-limits-ask-for-a-signal.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brightfield.images.background import SIDE, Blocks, blocks, spacing, surface, usual

SignalVerdict = Literal["none", "sparse", "signal"]

# Blocks that are looked at: those of four million pixels.
_MOST_BLOCKS = 250_000
_FEWEST_BLOCKS = 64
# Outliers in units of the noise. Of noise the first two are 3 to 4.5 and the last two up to 5.5.
_SIGNAL, _EDGES = 5.5, 6.0
_RARE = 8.0
# The share of blocks that percentile 99.8 sees.
_SEEN = 99.8
_FIRST_BLOCKS, _FIRST_STEPS = 4, 8
# A group that outshines the others by this much is debris if it is the smaller one.
_GAP, _STRONG = 3.0, 12.0
_SHARP = 50.0
_NEIGHBOURS_DIFFER = 0.1
_MEDIAN = 0.6745  # of the size of a standard normal number


@dataclass(frozen=True, slots=True)
class Survey:
    """Blocks of planes: how far each is from the background, and how much neighbours differ."""

    planes: tuple[Blocks, ...]
    steps: NDArray[np.float64]
    bottom: float
    top: float
    """The least and the greatest value of the background."""
    gapless: bool
    """Whether all blocks were looked at."""
    grain: float
    """The smallest difference of two values, if neighbouring pixels differ by noise, else 0."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`signal` is seen by percentiles, `sparse` lies in fewer blocks than these see.

    `noise` is the standard deviation of blocks, `level` how far the bulk of what rises above it
    lies from the background (0 without such), `upward` whether that is the brighter side.
    """

    verdict: SignalVerdict
    noise: float
    level: float
    upward: bool
    bottom: float
    top: float
    strong: bool
    """Whether `level` is so far above the noise that something beyond it may be left out."""
    specks: bool
    """Whether it is all specks, smaller and sharper than an object that a lens shows."""


def survey(plane: NDArray[Any], planes: int = 1) -> Survey | None:
    """The survey of a plane (H, W), of a stack of so many; None for one too small to judge."""
    if (plane.shape[0] // SIDE) * (plane.shape[1] // SIDE) < _FEWEST_BLOCKS:
        return None
    step = spacing(plane, max(_MOST_BLOCKS // planes, _FEWEST_BLOCKS))
    values = blocks(plane, step)
    largest = np.abs(values).max()
    if not np.isfinite(largest) or largest > 1e100:
        return None
    ground = surface(values)
    residuals = values - ground
    middle = usual(residuals.ravel())[0]
    steps = [(rise - np.median(rise)).ravel() for rise in _rises(values)]
    return Survey(
        (residuals - middle,),
        np.abs(np.concatenate(steps)),
        float(ground.min()) + middle,
        float(ground.max()) + middle,
        step == 1,
        _grain(plane),
    )


def together(surveys: Sequence[Survey]) -> Survey:
    """One survey of several planes, each against its own background."""
    return Survey(
        tuple(plane for one in surveys for plane in one.planes),
        np.concatenate([one.steps for one in surveys]),
        min(one.bottom for one in surveys),
        max(one.top for one in surveys),
        all(one.gapless for one in surveys),
        max(one.grain for one in surveys),
    )


def judge(found: Survey) -> Judgement:
    """What rises above the noise of the blocks."""
    residuals = np.concatenate([plane.ravel() for plane in found.planes])
    away, steps = np.sort(np.abs(residuals)), np.sort(found.steps)
    # Values of few levels seem less spread than they are, by up to half a level.
    noise = usual(residuals)[1] + 0.5 * found.grain / 1.349
    noise = max(noise, 1e-9 * float(away[-1]), 1e-300)
    step = max((float(np.median(steps)) + 0.25 * found.grain) / _MEDIAN, 1e-9 * noise, 1e-300)
    outside = residuals[np.abs(residuals) > _SIGNAL * noise]
    tops = np.concatenate([_tops(np.abs(plane)) for plane in found.planes])
    level = _bulk(tops[tops > _SIGNAL * noise], np.abs(outside), noise)
    return Judgement(
        _verdict(away / noise, steps / step),
        noise,
        level,
        not outside.size or float(np.median(outside)) > 0,
        found.bottom,
        found.top,
        level >= _STRONG * noise,
        found.gapless and level >= _SHARP * noise and _isolated(found, _SIGNAL * noise),
    )


def _verdict(away: NDArray[np.float64], steps: NDArray[np.float64]) -> SignalVerdict:
    """By the outliers of blocks and of their differences, rising, in units of the noise."""
    if np.percentile(away, _SEEN) >= _SIGNAL or np.percentile(steps, _SEEN) >= _EDGES:
        return "signal"
    return "sparse" if away[-_FIRST_BLOCKS] >= _RARE or steps[-_FIRST_STEPS] >= _RARE else "none"


def _isolated(found: Survey, least: float) -> bool:
    """Whether nine in ten blocks that are farther off than `least` have no such neighbour. What a
    lens shows is blurred and reaches into the next block."""
    alone = outside = 0
    for plane in found.planes:
        far = np.pad(np.abs(plane) > least, 1)
        beside = far[:-2, 1:-1] | far[2:, 1:-1] | far[1:-1, :-2] | far[1:-1, 2:]
        outside += int(far.sum())
        alone += int((far[1:-1, 1:-1] & ~beside).sum())
    return outside > 0 and alone >= 0.9 * outside


def most(judgements: Sequence[Judgement]) -> Judgement:
    """The judgement of the channel that says most, on the scale of all channels."""
    order: tuple[SignalVerdict, ...] = ("none", "sparse", "signal")
    best = max(judgements, key=lambda one: (order.index(one.verdict), one.level))
    return Judgement(
        best.verdict,
        max(one.noise for one in judgements),
        best.level,
        best.upward,
        min(one.bottom for one in judgements),
        max(one.top for one in judgements),
        best.strong,
        best.specks,
    )


def _rises(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [rise for rise in (np.diff(values, axis=axis) for axis in (0, 1)) if rise.size]


def _tops(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The blocks (rows, columns) that none of their eight neighbours outshines: what is soft at
    its edge has values of every height, and one at its top."""
    rows, columns = levels.shape
    padded = np.pad(levels, 1)
    around = [
        padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        for down, right in product((-1, 0, 1), repeat=2)
    ]
    highest: NDArray[np.bool_] = np.maximum.reduce(around) == levels
    return np.asarray(levels[highest])


def _bulk(tops: NDArray[np.float64], levels: NDArray[np.float64], noise: float) -> float:
    """The highest of the `levels`, less a small group of tops that is three times higher than what
    follows it at once."""
    if levels.size < _FIRST_BLOCKS:
        return 0.0
    falling = np.sort(tops)[::-1]
    above = np.arange(1, falling.size // 2 + 1)
    below = np.minimum(above + np.maximum(2, above // 10), falling.size - 1)
    gaps = (falling[above - 1] >= _GAP * falling[below]) & (falling[below] >= _STRONG * noise)
    if gaps.any():
        return float(falling[below[gaps][-1]])
    return float(np.sort(levels)[-_FIRST_BLOCKS])


def _grain(plane: NDArray[Any]) -> float:
    """See `Survey.grain`; a drawing of few levels has neighbours that are equal."""
    if (plane[:, 1:] != plane[:, :-1]).mean() <= _NEIGHBOURS_DIFFER:
        return 0.0
    flat = plane.reshape(-1)
    levels = np.unique(flat[:: max(1, flat.size // 100_000)].astype(np.float64))
    return float(np.diff(levels).min()) if levels.size > 1 else 0.0
