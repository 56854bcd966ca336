"""A stack: which page of a TIFF file holds which plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.images.picture import Note

ABSENT = -1


@dataclass(frozen=True, slots=True)
class Stack:
    """Pages under named axes.

    `axes` names the axes before rows and columns, slowest first; `numbers` has one dimension for
    each and holds page numbers, `ABSENT` where the file has no such plane. `contiguous`: the
    planes follow one another behind the first page's data and have no pages of their own.
    """

    axes: str
    numbers: NDArray[np.int64]
    contiguous: bool = False
    pixel_size: float | None = None
    notes: tuple[Note, ...] = ()
