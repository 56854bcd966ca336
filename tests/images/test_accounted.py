from __future__ import annotations

import gc
import io

import numpy as np
import pytest
from PIL import Image

from brightfield.errors import BrightfieldError
from brightfield.images.accounted import accounted
from brightfield.images.budget import DecodeBudget
from brightfield.images.decode import decode
from brightfield.images.limits import Limits


def test_pixels_count_while_any_part_of_them_is_there() -> None:
    file, budget = io.BytesIO(), DecodeBudget(10**6)
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(file, "png")
    held: list[int] = []

    def read(limits: Limits) -> np.ndarray:  # type: ignore[type-arg]
        pixels = decode(file.getvalue(), limits=limits).pixels
        held.append(budget.taken)
        return pixels

    part = accounted(read, Limits(10**6, budget=budget))[:1]
    assert held[0] > budget.taken == 40 * 50 * 3
    del part
    gc.collect()
    assert budget.taken == 0


def test_what_fails_holds_nothing() -> None:
    budget = DecodeBudget(10**6)

    def read(limits: Limits) -> np.ndarray:  # type: ignore[type-arg]
        return decode(b"\x89PNG\r\n\x1a\n", limits=limits).pixels

    with pytest.raises(BrightfieldError):
        accounted(read, Limits(10**6, budget=budget))
    assert budget.taken == 0
