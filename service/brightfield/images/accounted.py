"""Pixels that are accounted for as long as they are there."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.images.budget import Hold
from brightfield.images.limits import DecodedSize, Limits


def accounted(read: Callable[[Limits], NDArray[Any]], limits: Limits) -> NDArray[Any]:
    """What `read` decodes by way of these limits. Its bytes are taken from the limits' budget
    while it is decoded, and then held as long as any part of the array is there.

    Never waits, since who reads may hold other images; who decodes for models waits for it.
    """
    budget = limits.budget
    if budget is None:
        return read(limits)
    holds: list[Hold] = []

    def admit(size: DecodedSize) -> None:
        limits.admit(size)
        holds.append(budget.hold(size.cost))

    try:
        pixels = read(replace(limits, admit=admit))
        owner = pixels if pixels.base is None else pixels.base
        if isinstance(owner, np.ndarray):  # else the pixels are a part of the body
            weakref.finalize(owner, budget.hold(owner.nbytes).release)
        return pixels
    finally:
        for each in holds:
            each.release()
