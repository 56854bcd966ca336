"""The filters of a convolution as numbers and as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.errors import InvalidParameter
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.parameters import Parameters
from brightfield.results import MapSpace, Raster, Result, array_json, finite
from brightfield.tensors import Pixels

# Cells of a picture where nobody says how many: what one can still look through.
_SHOWN = 64
_MOST_CELLS = 4096
_SMALL_SIDE, _GAP = 15, 2
# Of filters side by side: as large as this sheet allows, within these cells.
_SHEET, _LEAST, _MOST = 960, 35, 120
_PAPER = 255

Count = Annotated[int, Field(ge=1, le=65_536)]
First = Annotated[int, Field(ge=0)]


class FilterChoice(Parameters):
    """Which filters of which layer."""

    layer: str | None = None
    """A convolution, as GET /models/{id}/layers names it. Default: the first one."""
    first: First = 0
    """The first filter, counted from 0."""
    count: Count | None = None
    """How many filters. Default: all, or at most 64 in a picture."""
    first_slice: First = 0
    """The first input slice, counted from 0."""
    slices: Count | None = None
    """How many input slices of each filter. Default: all, or at most 64 in a picture."""

    def spans(self, filters: int, slices: int, *, picture: bool) -> tuple[slice, slice]:
        """What is chosen of so many filters and slices.

        Raises `InvalidParameter` for a first one that is not there, and for more cells than a
        picture holds.
        """
        most = _SHOWN if picture else None
        rows = _span("first", self.first, self.count or most, filters)
        columns = _span("first_slice", self.first_slice, self.slices or most, slices)
        cells = (rows.stop - rows.start) * (columns.stop - columns.start)
        if picture and cells > _MOST_CELLS:
            raise InvalidParameter(
                f"A picture shows {_MOST_CELLS} slices of filters at most, not {cells}; lower "
                "`count` or `slices`, or take format=npy."
            )
        return rows, columns


def _span(name: str, first: int, count: int | None, total: int) -> slice:
    if first >= total:
        raise InvalidParameter(
            f"{name}={first}: the layer has {total}, counted from 0; give at most {total - 1}.",
            errors=[{"location": name, "expected": f"0 to {total - 1}", "received": first}],
        )
    return slice(first, total if count is None else min(total, first + count))


@dataclass(frozen=True)
class Filters(Result):
    """`weights` (k, c, h, w): of the layer's `total` (K, C) filters and input slices those from
    `first` on.

    In a convolution of several `groups` each filter has the slices of its own group alone.

    A filter's range is its largest magnitude m, and the picture shows -m as black, 0 as middle grey
    and m as white: one scale for all slices of a filter, another one for each filter. Filters of
    three input channels are shown in colour (red, green, blue; `bgr` says that the model takes them
    the other way round), those of one in grey, side by side. Others have a row each, and a grey
    picture for each input slice.
    """

    formats: ClassVar[tuple[str, ...]] = ("json", "png", "npy")
    layer: str
    type: str
    weights: NDArray[np.float32]
    total: tuple[int, int]
    first: tuple[int, int]
    groups: int = 1
    bgr: bool = False

    @property
    def ranges(self) -> NDArray[np.float32]:
        """(k,): the largest magnitude of each filter, of the slices that are there."""
        known = np.nan_to_num(self.weights, nan=0.0, posinf=0.0, neginf=0.0)
        found: NDArray[np.float32] = np.abs(known).max(axis=(1, 2, 3))
        return found

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "type": self.type,
            "total": list(self.total),
            "first": list(self.first),
            "groups": self.groups,
            "weights": array_json(self.weights),
            "ranges": [finite(value) for value in self.ranges.tolist()],
        }

    def raster(self, space: MapSpace) -> Raster:
        return Raster(self.weights, "KCYX")

    @property
    def caption(self) -> tuple[str, ...]:
        """What a legend says of the scale."""
        kind = "colours" if self.weights.shape[1] == 3 == self.total[1] else "greys"
        height, width = self.weights.shape[2:]
        ranges = f"m from {self.ranges.min():.3g} to {self.ranges.max():.3g}"
        return (
            f"filters of {self.layer}: {len(self.weights)} of {self.total[0]}, "
            f"{height} x {width} weights, {self.total[1]} input channels",
            f"{kind} from -m through 0 (middle grey) to m, the largest magnitude of each filter "
            f"({ranges})",
        )

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        shown = np.broadcast_to(picture, (*picture.shape[:2], 3))
        return with_legend(shown, PictureLegend((*title, *self.caption), greys=("-m", "0", "m")))

    def image(self) -> Pixels:
        top = np.where(self.ranges > 0, self.ranges, 1)[:, None, None, None]
        level = np.nan_to_num(self.weights / top, nan=0.0, posinf=0.0, neginf=0.0)
        cells = np.rint(127.5 + 127.5 * np.clip(level, -1, 1)).astype(np.uint8)
        if self.weights.shape[1] == 3 == self.total[1]:
            colors = cells[:, ::-1] if self.bgr else cells
            return _side_by_side(colors.transpose(0, 2, 3, 1))
        if self.total[1] == 1:
            return _side_by_side(cells[:, 0, :, :, None])
        return _laid_out(cells[..., None], _SMALL_SIDE)


def _side_by_side(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(K, h, w, C) in about as many rows as columns."""
    columns = math.ceil(math.sqrt(len(cells)))
    rows = math.ceil(len(cells) / columns)
    blank = np.full((rows * columns - len(cells), *cells.shape[1:]), _PAPER, np.uint8)
    grid = np.concatenate([cells, blank]).reshape(rows, columns, *cells.shape[1:])
    return _laid_out(grid, min(_MOST, max(_LEAST, _SHEET // columns)))


def _laid_out(grid: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(rows, columns, h, w, C) as one picture, each weight a square, with paper between the cells;
    a cell has about `side` pixels."""
    zoom = max(1, round(side / max(grid.shape[2:4])))
    large = grid.repeat(zoom, axis=2).repeat(zoom, axis=3)
    frame = ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0))
    spaced = np.pad(large, frame, constant_values=_PAPER)
    rows, columns, height, width, channels = spaced.shape
    sheet = spaced.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return np.pad(sheet, ((_GAP, 0), (_GAP, 0), (0, 0)), constant_values=_PAPER)
