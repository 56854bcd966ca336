"""The planes of a stack side by side, as a picture for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.images.contact_sheet import Row, SheetCell, columns_for, contact_sheet, fitted
from brightfield.images.labels import Labels
from brightfield.images.outlines import paint_objects
from brightfield.palette import Color
from brightfield.tensors import Rgb

_SIDE = 256
# Planes that a picture shows; of more every second one, every fourth, ...
_MOST = 64


@dataclass(frozen=True, slots=True)
class PlanePreview:
    """A plane made small: its `number` in the stack, the picture, and the labels of its objects."""

    number: int
    picture: Rgb
    labels: Labels


class Previews:
    """Small pictures of planes as they come: of all, or evenly of some."""

    def __init__(self) -> None:
        self._count, self._step = 0, 1
        self._kept: list[PlanePreview] = []

    def add(self, picture: Rgb, labels: NDArray[np.generic], number: int) -> None:
        """Keep a plane, if its turn has come."""
        if self._count % self._step == 0:
            if len(self._kept) == _MOST:
                self._kept, self._step = self._kept[::2], 2 * self._step
            if self._count % self._step == 0:
                self._kept.append(_preview(number, picture, labels))
        self._count += 1

    @property
    def kept(self) -> tuple[PlanePreview, ...]:
        """In the order of the stack."""
        return tuple(self._kept)


def montage(
    planes: Sequence[PlanePreview],
    colors: Mapping[int, Color],
    alpha: float,
    count: int,
    *,
    full: bool = False,
) -> Rgb:
    """The planes in rows, each with its objects and a caption: its number and how many there are.

    If the picture has not all of the `count` planes, a title says so.
    """
    cells = [
        SheetCell(
            (paint_objects(each.picture, each.labels, colors, alpha, full=full),),
            f"z={each.number}: {np.count_nonzero(np.unique(each.labels))} objects",
        )
        for each in planes
    ]
    columns = columns_for(len(cells))
    rows = [Row(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    if len(cells) < count:
        rows.insert(0, Row([], f"{len(cells)} of {count} planes"))
    return contact_sheet(rows, _SIDE)


def _preview(number: int, picture: Rgb, labels: NDArray[np.generic]) -> PlanePreview:
    small = fitted(picture, _SIDE)
    rows, columns = (
        (np.arange(less) * side) // less
        for less, side in zip(small.shape[:2], labels.shape, strict=True)
    )
    return PlanePreview(number, small, labels[np.ix_(rows, columns)].astype(np.int32))
