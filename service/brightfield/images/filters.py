"""The filters of a convolution as numbers and as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.errors import InvalidParameter
from brightfield.images.contact_sheet import Row, SheetCell, columns_for, contact_sheet
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
    the other way round), those of one in grey, side by side; with a legend each has its number and
    m below it. Others have a row each, and a grey picture for each input slice.
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
        below = "" if self._whole is None else "; below each are its number and m"
        return (
            f"filters of {self.layer}: {len(self.weights)} of {self.total[0]}, "
            f"{height} x {width} weights, {self.total[1]} input channels",
            f"{kind} from -m through 0 (middle grey) to m, the largest magnitude of each filter "
            f"({ranges}){below}",
        )

    def explained(self, picture: NDArray[np.uint8], title: Sequence[str]) -> NDArray[np.uint8]:
        whole = self._whole
        drawn = picture if whole is None else self._numbered(whole)
        shown = np.broadcast_to(drawn, (*drawn.shape[:2], 3))
        return with_legend(shown, PictureLegend((*title, *self.caption), greys=("-m", "0", "m")))

    def image(self) -> Pixels:
        whole = self._whole
        if whole is None:
            return _laid_out(self._levels[..., None], _SMALL_SIDE)
        columns = columns_for(len(whole))
        blank = np.full((-len(whole) % columns, *whole.shape[1:]), _PAPER, np.uint8)
        grid = np.concatenate([whole, blank]).reshape(-1, columns, *whole.shape[1:])
        return _laid_out(grid, _side(columns))

    @property
    def _levels(self) -> NDArray[np.uint8]:
        """(k, c, h, w): every weight as a grey."""
        top = np.where(self.ranges > 0, self.ranges, 1)[:, None, None, None]
        level = np.nan_to_num(self.weights / top, nan=0.0, posinf=0.0, neginf=0.0)
        return np.rint(127.5 + 127.5 * np.clip(level, -1, 1)).astype(np.uint8)

    @property
    def _whole(self) -> NDArray[np.uint8] | None:
        """(k, h, w, 3 or 1): filters that are a picture each; None for those with a row each."""
        if self.weights.shape[1] == 3 == self.total[1]:
            levels = self._levels
            return (levels[:, ::-1] if self.bgr else levels).transpose(0, 2, 3, 1)
        return self._levels[:, 0, :, :, None] if self.total[1] == 1 else None

    def _numbered(self, whole: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The filters side by side, each with its number and range."""
        columns = columns_for(len(whole))
        captions = (f"{self.first[0] + at}: {m:.3g}" for at, m in enumerate(self.ranges))
        cells = [
            SheetCell((np.ascontiguousarray(np.broadcast_to(each, (*each.shape[:2], 3))),), text)
            for each, text in zip(whole, captions, strict=True)
        ]
        rows = [Row(cells[start : start + columns]) for start in range(0, len(cells), columns)]
        return contact_sheet(rows, _side(columns))


def _side(columns: int) -> int:
    """Pixels of a filter, of so many in a row."""
    return min(_MOST, max(_LEAST, _SHEET // columns))


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
