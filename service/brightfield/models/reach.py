"""How far a network looks: the pixels around a place that its output there depends on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from brightfield.models.candidates import Candidates

_SIDES = (256, 512, 1024)
_STRIP = 64


def reach(network: Callable[[Tensor], Any], channels: int, multiple: int) -> int | None:
    """The greatest distance in input pixels, at borders aligned to `multiple`; None: no bound.

    Traced with a strip whose middle is zero and whose ends are NaN: where the output is finite, it
    does not depend on the ends. Both directions of both axes. A network that looks at everything
    (global pooling, attention, statistics over space) has no finite output and no bound.

    The output is maps (B, C, h, w) of any resolution, or `Candidates` by their points.
    """
    strip = -(-_STRIP // multiple) * multiple
    # cuDNN's algorithms mix pixels that do not touch each other: their zeros become NaN, too.
    with torch.backends.cudnn.flags(enabled=False):
        return _traced(network, channels, multiple, strip)


def _traced(
    network: Callable[[Tensor], Any], channels: int, multiple: int, strip: int
) -> int | None:
    for wanted in _SIDES:
        side = -(-wanted // multiple) * multiple
        found = [_margin(network, channels, side, strip, axis) for axis in (2, 3)]
        if all(margin is not None for margin in found):
            return max(margin for margin in found if margin is not None)
    return None


def _margin(
    network: Callable[[Tensor], Any], channels: int, side: int, strip: int, axis: int
) -> int | None:
    """The wider of the two margins that the NaN beside `side` finite pixels leave."""
    shape = [1, channels, strip, strip]
    shape[axis] = 3 * side
    sample = torch.zeros(shape)
    sample.narrow(axis, 0, side).fill_(torch.nan)
    sample.narrow(axis, 2 * side, side).fill_(torch.nan)
    untouched = _untouched(network(sample), 3 * side, axis)
    if untouched is None:
        return None
    first, last = untouched
    return max(math.ceil(first - side), math.ceil(2 * side - last), 0)


def _untouched(output: Any, length: int, axis: int) -> tuple[float, float] | None:
    """First and last coordinate, in input pixels, of what is finite; None where nothing is."""
    if isinstance(output, Candidates):
        told = torch.cat([output.logits[0], output.points[0]], dim=-1)
        finite = torch.isfinite(told).all(dim=-1)
        places = output.points[0, finite, 0 if axis == 3 else 1]
        return (float(places.min()), float(places.max())) if finite.any() else None
    values = output[0].isfinite().all(dim=0).all(dim=1 if axis == 2 else 0)
    places = values.nonzero()[:, 0]
    if not len(places):
        return None
    scale = length / output.shape[axis]
    return float(places[0]) * scale, float(places[-1] + 1) * scale
