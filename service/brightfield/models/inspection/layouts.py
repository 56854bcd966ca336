"""Layouts: where a layer's values have images, channels and places, and the maps they make.

A layer's output may be maps (B, C, h, w), maps with their channels last (B, h, w, C), or tokens
(B, N, C), with or without tokens that stand for no place. Which one it is isn't told by its shape,
so it is followed through the network (`places`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from brightfield.models.inspection.coordinates import Coordinates
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.places import FollowedPlaces
from brightfield.tensors import Images

StatedAxes = Literal["BCHW", "BHWC", "BNC", "BCN"]
"""The axes of a layer's values in order: images, channels, rows and columns, or tokens."""

Order = tuple[int, ...] | None
"""The indices along an axis that are meant, in order; None: all of them, as they are."""

# Coordinates within this are the same place, in pixels.
_SAME = 1e-4
# Class, distillation and register tokens.
_MOST_EXTRA = 64


@dataclass(frozen=True, slots=True)
class MapLayout:
    """How the values of a layer are read as maps (B, C, h, w) with `grid` = (h, w).

    `axes` has a letter for each axis: B images, C channels (also several axes of them), H rows,
    W columns, N tokens, in the order of a grid's rows if `order` doesn't say otherwise. Without H,
    W and N there is one place. `assumed`: taken from the shape alone.
    """

    axes: str
    grid: tuple[int, int]
    rows: Order = None
    columns: Order = None
    order: Order = None
    assumed: bool = False

    @property
    def spatial(self) -> bool:
        """Whether there are several places."""
        return self.grid[0] * self.grid[1] > 1

    def channels(self, shape: tuple[int, ...]) -> int:
        """How many maps values of a shape make."""
        return math.prod(shape[axis] for axis in self._axes_of("C"))

    def maps(self, values: Tensor) -> Tensor:
        """(B, C, h, w) of a layer's values, differentiable; a view where that is possible."""
        axes = {letter: self._axes_of(letter) for letter in "BCHWN"}
        moved = values.permute(*(axis for letter in "BCHWN" for axis in axes[letter]))
        lengths = self.grid if axes["H"] or not axes["N"] else (-1, 1)
        channels = self.channels(tuple(values.shape))
        maps = moved.reshape(len(moved), channels, *lengths)
        for axis, order in ((2, self.rows), (3, self.columns), (2, self.order)):
            if order is not None:
                maps = maps.index_select(axis, torch.tensor(order, device=maps.device))
        return maps.reshape(len(maps), channels, *self.grid)

    def _axes_of(self, letter: str) -> list[int]:
        return [axis for axis, other in enumerate(self.axes) if other == letter]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A layer whose values can't be read as maps; `reason` is a sentence without its subject."""

    reason: str


def layouts(
    module: nn.Module,
    taps: Sequence[Tap],
    rows: Images,
    stated: StatedAxes | None = None,
) -> Mapping[Tap, MapLayout | Unplaced]:
    """How the values at some places of a network are read as maps, for inputs like `rows`.

    One forward pass of two images, on the device of `rows`; of one if the network takes only one.
    `stated` are the axes that the card names: they hold for every layer that has as many. A layer
    that doesn't run is missing. What the network raises is raised.
    """
    read = _followed(module, taps, rows)
    size = (rows.shape[-2], rows.shape[-1])
    return {
        tap: layout_for(places, shape, size, lost, stated)
        for tap, (places, shape, lost) in read.items()
    }


_Read = tuple[Coordinates | None, tuple[int, ...], Sequence[str]]


def _followed(module: nn.Module, taps: Sequence[Tap], rows: Images) -> dict[Tap, _Read]:
    """Places and shape at every tap, and the operations that have lost places."""
    with suppress(Exception):  # a network may take one image only; what else is wrong shows below
        return _pass(module, taps, rows[:1].repeat(2, 1, 1, 1))
    return _pass(module, taps, rows[:1].clone())


def _pass(module: nn.Module, taps: Sequence[Tap], images: Images) -> dict[Tap, _Read]:
    with torch.inference_mode(False), torch.no_grad(), reading(module, taps) as read:
        images = images.clone()
        with FollowedPlaces(images) as places:
            module(images)
        return {tap: (places.of(v), tuple(v.shape), places.lost) for tap, v in read.items()}


def layout_for(
    places: Coordinates | None,
    shape: tuple[int, ...],
    size: tuple[int, int],
    lost: Sequence[str] = (),
    stated: StatedAxes | None = None,
) -> MapLayout | Unplaced:
    """The layout of values of a shape with these places, for images of a size (H, W)."""
    if len(shape) == 2:
        return MapLayout("BC", (1, 1))
    if stated is not None and len(stated) == len(shape):
        return _stated(stated, shape, size)
    if places is None:
        return _by_proportions(shape, size, lost)
    batch = _batch_axis(places.image, shape)
    if batch is None:
        return Unplaced(
            f"gives {_written(shape)} with several rows for an image, such as windows of it"
        )
    if places.y.isnan().all() and places.x.isnan().all():
        return _without_places(shape, batch)
    return _spatial(places, shape, batch)


def _batch_axis(image: Tensor, shape: tuple[int, ...]) -> int | None:
    """The axis along which the images lie, each of them once."""
    along = [axis for axis in range(image.dim()) if _extent_along(image, axis) > 0]
    if len(along) == 1 and _along(image, along[0]).flatten().tolist() == [0.0, 1.0]:
        return along[0]
    single = [axis for axis, length in enumerate(shape) if length == 1]
    return single[0] if not along and not image.isnan().all() and single else None


def _without_places(shape: tuple[int, ...], batch: int) -> MapLayout | Unplaced:
    others = [length for axis, length in enumerate(shape) if axis != batch]
    if sum(length > 1 for length in others) <= 1:
        axes = "".join("B" if axis == batch else "C" for axis in range(len(shape)))
        return MapLayout(axes, (1, 1))
    return Unplaced(
        f"gives {_written(shape)} that come from all places together, and not from one each"
    )


def _spatial(places: Coordinates, shape: tuple[int, ...], batch: int) -> MapLayout | Unplaced:
    letters = ["B" if axis == batch else "C" for axis in range(len(shape))]
    varying = {axis for field in places[1:] for axis in _varying(field)}
    if not varying:
        return MapLayout("".join(letters), (1, 1))
    down, across = (_main_axis(field) for field in (places.y, places.x))
    if down == across or varying > {down, across}:
        found = _tokens(letters, places, sorted(varying), shape)
        if isinstance(found, MapLayout) or down is None or across is None:
            return found
    if down is None or across is None or batch in (down, across):
        return Unplaced(f"gives {_written(shape)} whose places lie along several axes")
    if down == across:
        return _tokens(letters, places, [down], shape)
    return _rows_and_columns(letters, places, (down, across), shape)


def _rows_and_columns(
    letters: list[str], places: Coordinates, axes: tuple[int, int], shape: tuple[int, ...]
) -> MapLayout:
    letters[axes[0]], letters[axes[1]] = "H", "W"
    grid = shape[axes[0]], shape[axes[1]]
    rows, columns = _sorted(places.y, axes[0]), _sorted(places.x, axes[1])
    return MapLayout("".join(letters), grid, rows, columns)


def _varying(field: Tensor) -> list[int]:
    return [axis for axis in range(field.dim()) if _extent_along(field, axis) > _SAME]


def _main_axis(field: Tensor) -> int | None:
    """The axis along which a coordinate goes through its places; None if there is none, or it goes
    on along other axes, too."""
    extents = [_extent_along(field, axis) for axis in range(field.dim())]
    main = max(range(len(extents)), key=extents.__getitem__)
    if extents[main] <= _SAME:
        return None
    values = _along(field, main)
    steps = values[~values.isnan()].sort().values.diff()
    steps = steps[steps > _SAME]
    rest = max((extent for axis, extent in enumerate(extents) if axis != main), default=0.0)
    return main if steps.numel() and rest < float(steps.min()) + _SAME else None


def _extent_along(field: Tensor, axis: int) -> float:
    if field.shape[axis] == 1:
        return 0.0
    high = field.nan_to_num(-torch.inf).amax(axis)
    low = field.nan_to_num(torch.inf).amin(axis)
    return max(0.0, float((high - low).max()))


def _along(field: Tensor, *axes: int) -> Tensor:
    """The mean coordinate of each index along some axes."""
    others = [other for other in range(field.dim()) if other not in axes]
    return field.nanmean(dim=others) if others else field


def _sorted(field: Tensor, axis: int) -> Order:
    """The indices by growing coordinates; None where they are so."""
    values = _along(field, axis)
    known = values[~values.isnan()]
    if len(known) < len(values) or bool((known.diff() >= -_SAME).all()):
        return None
    return tuple(values.argsort(stable=True).tolist())


def _tokens(
    letters: Sequence[str], places: Coordinates, axes: Sequence[int], shape: tuple[int, ...]
) -> MapLayout | Unplaced:
    """Places along one axis, or along several, such as windows and places in them."""
    lengths = [shape[axis] for axis in axes]
    y, x = (_along(field, *axes).expand(lengths).flatten() for field in (places.y, places.x))
    there = (~(y.isnan() | x.isnan())).nonzero().flatten()
    rows, down = _ranks(y[there])
    columns, across = _ranks(x[there])
    number = down * columns + across
    if len(there) != rows * columns or len(set(number.tolist())) != len(there):
        return Unplaced(f"gives {len(y)} tokens, whose places are no complete grid")
    order = there[number.argsort()].tolist()
    whole = order == list(range(len(y)))
    written = ["N" if axis in axes else letter for axis, letter in enumerate(letters)]
    return MapLayout("".join(written), (rows, columns), order=None if whole else tuple(order))


def _ranks(values: Tensor) -> tuple[int, Tensor]:
    """How many different coordinates there are, and the number of each."""
    written = (values / _SAME).round()
    different, numbers = torch.unique(written, return_inverse=True)
    return len(different), numbers


def _by_proportions(
    shape: tuple[int, ...], size: tuple[int, int], lost: Sequence[str]
) -> MapLayout | Unplaced:
    """Of values whose places got lost: which two of four axes are as the image's sides."""
    behind = f" behind the operation {lost[0]}" if lost else ""
    if len(shape) == 4:
        fitting = [
            MapLayout(axes, grid, assumed=True)
            for axes, grid in (("BCHW", shape[2:]), ("BHWC", shape[1:3]))
            if len(grid) == 2 and _proportional((grid[0], grid[1]), size)
        ]
        if len(fitting) == 1:
            return fitting[0]
    return Unplaced(f"gives {_written(shape)}, and{behind} it isn't known which of them are places")


def _proportional(grid: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a grid is the image's size, divided and rounded."""
    cell = max(size[0] / grid[0], size[1] / grid[1])
    return all(abs(side / cell - count) < 1 for side, count in zip(size, grid, strict=True))


def _stated(
    axes: StatedAxes, shape: tuple[int, ...], size: tuple[int, int]
) -> MapLayout | Unplaced:
    """By the axes that the card names."""
    if "N" not in axes:
        return MapLayout(axes, (shape[axes.index("H")], shape[axes.index("W")]))
    count = shape[axes.index("N")]
    for extra in range(min(_MOST_EXTRA, count)):
        grid = _grid(count - extra, size)
        if grid is not None:
            order = tuple(range(extra, count)) if extra else None
            return MapLayout(axes, grid, order=order)
    return Unplaced(
        f"gives {count} tokens, which no grid of the image's proportions has, with class tokens "
        "or without"
    )


def _grid(count: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """(h, w) with h w = count and h / w that of the image."""
    height = round((count * size[0] / size[1]) ** 0.5)
    if height < 1 or count % height:
        return None
    grid = height, count // height
    return grid if grid[0] * size[1] == grid[1] * size[0] else None


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[1:])) + " values"
