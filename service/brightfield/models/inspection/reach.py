"""How far a network looks: the pixels around a place that its output there depends on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from brightfield.models.architecture import Candidates

# Lengths of the middle: at most about half of one is found.
_MIDDLES = (256, 768, 1536)
# Length of either end: a network that leaps over it in one step would be thought to look nowhere.
_END = 960
_STRIP = 64
# Spacing of the coarsest candidates. Of a level whose every point is touched the neighbouring ones
# leave a gap of this length between them, which finer levels fill with untouched points.
_COARSEST = 128


def reach(network: Callable[[Tensor], Any], channels: int, multiple: int) -> int | None:
    """The greatest distance in input pixels, at borders aligned to `multiple`; None: no bound.

    Traced with a strip whose middle is zero and whose ends are NaN: where the output is a number,
    it does not depend on the ends. Both directions of both axes. A network that looks at everything
    (global pooling, attention, statistics over space) has no number in its output and no bound.

    The output is maps (B, C, h, w), or `Candidates` by their points. Maps that are coarser than
    the input are interpolated afterwards, which reads one cell more. On a device whose convolutions
    mix pixels that do not touch each other (cuDNN's do), the network must run without them, since
    their zeros would become NaN, too.
    """
    end, strip = _up(_END, multiple), _up(_STRIP, multiple)
    for middle in _MIDDLES:
        shape = (_up(middle, multiple), end, strip)
        found = [_margin(network, channels, shape, axis) for axis in (2, 3)]
        if all(margin is not None for margin in found):
            return max(margin for margin in found if margin is not None)
    return None


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


def _margin(
    network: Callable[[Tensor], Any], channels: int, sides: tuple[int, int, int], axis: int
) -> int | None:
    """The wider of the two margins that the NaN beside zeros leave; `sides` are the lengths of the
    zeros and of either end, and the width of the strip."""
    middle, end, strip = sides
    shape = [1, channels, strip, strip]
    length = shape[axis] = end + middle + end
    sample = torch.full(shape, torch.nan)
    sample.narrow(axis, end, middle).zero_()
    output = network(sample)
    if isinstance(output, Candidates):
        low, high = _touched_points(output, length, axis)
    elif isinstance(output, Tensor) and output.dim() == 4:
        low, high = _touched_rows(output, length, axis)
    else:
        return None
    if low >= high:
        return None
    return max(math.ceil(low - end), math.ceil(end + middle - high), 0)


def _touched_rows(maps: Tensor, length: int, axis: int) -> tuple[float, float]:
    """Between these coordinates, in input pixels, no row is NaN; the second is the smaller one
    where the middle is."""
    touched = maps[0].isnan().any(dim=0).any(dim=1 if axis == 2 else 0)
    cell = length / len(touched)
    middle = len(touched) // 2
    before, after = touched[:middle].nonzero(), touched[middle:].nonzero()
    first = int(before[-1]) + 1 if len(before) else 0
    last = middle + int(after[0]) if len(after) else len(touched)
    more = math.ceil(cell) if cell > 1 else 0
    return first * cell + more, last * cell - more


def _touched_points(candidates: Candidates, length: int, axis: int) -> tuple[float, float]:
    """The same of candidates: nothing of those whose points lie between them is NaN, and there is
    room for one of every level."""
    values = torch.cat([candidates.logits[0].flatten(1), candidates.boxes[0].flatten(1)], dim=1)
    places = candidates.points[0, :, 0 if axis == 3 else 1]
    touched = places[values.isnan().any(dim=1)]
    # A candidate at a core's first pixel edge belongs to it, so a touched one lies before that.
    before = touched[touched < length / 2].floor() + 1
    after = touched[touched >= length / 2]
    low = float(before.max()) if len(before) else 0.0
    high = float(after.min()) if len(after) else float(length)
    return (low, high) if high - low > _COARSEST else (high, low)
