"""Coordinates of a tensor's values: which image, y and x each of them stands for.

A field of coordinates has one axis for each axis of the tensor, of length 1 where the coordinate is
the same all along it, so large maps have small fields. NaN: no place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

TensorShape = tuple[int, ...]

# Coordinates nearer than this are one, in pixels.
_SAME = 1e-6


class Coordinates(NamedTuple):
    """By value of a tensor: the image's number in the batch, and y and x in the image's pixels."""

    image: Tensor
    y: Tensor
    x: Tensor


def of_images(shape: Sequence[int]) -> Coordinates:
    """Those of the pixels of images (B, C, H, W)."""
    rows, _, height, width = shape
    return Coordinates(
        torch.arange(rows, dtype=torch.float64).view(-1, 1, 1, 1),
        torch.arange(height, dtype=torch.float64).view(1, 1, -1, 1),
        torch.arange(width, dtype=torch.float64).view(1, 1, 1, -1),
    )


def unknown(axes: int) -> Coordinates:
    """Values that stand for no place."""
    field = torch.full((1,) * axes, torch.nan, dtype=torch.float64)
    return Coordinates(field, field, field)


def mapped(function: Callable[[Tensor], Tensor], places: Coordinates) -> Coordinates:
    return Coordinates(*(function(field) for field in places))


def extent(field: Tensor) -> float:
    """From the least to the greatest coordinate; 0 if there is none."""
    known = field[~field.isnan()]
    return float(known.max() - known.min()) if known.numel() else 0.0


def compact(places: Coordinates) -> Coordinates:
    """The same without repetitions."""
    return mapped(_compacted, places)


def _compacted(field: Tensor) -> Tensor:
    for axis in range(field.dim()):
        if field.shape[axis] > 1:
            first = field.narrow(axis, 0, 1)
            if field.stride(axis) == 0 or bool((_alike(field, first)).all()):
                field = first
    return field.clone()


def _alike(field: Tensor, other: Tensor) -> Tensor:
    return (field == other) | (field.isnan() & other.isnan())


def spread(field: Tensor, shape: TensorShape, axes: Collection[int]) -> Tensor:
    """A field that is written out along some axes."""
    return field.expand([
        shape[axis] if axis in axes else size for axis, size in enumerate(field.shape)
    ])  # fmt: skip


def reshaped(places: Coordinates, shape: TensorShape, to: TensorShape) -> Coordinates:
    """Those of a tensor of a shape that is read, in C order, as one of another."""
    return compact(mapped(lambda field: _reshaped(field, shape, to), places))


def _reshaped(field: Tensor, shape: TensorShape, to: TensorShape) -> Tensor:
    sizes: list[int] = []
    for (start, stop), (first, last) in _groups(shape, to):
        axes = range(start, stop)
        if any(field.shape[axis] > 1 for axis in axes):
            field = spread(field, shape, axes)
            sizes += to[first:last]
        else:
            sizes += [1] * (last - first)
    return field.reshape(sizes)


def _groups(
    shape: TensorShape, to: TensorShape
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The axes of two shapes that go together, the fewest at once."""
    i = j = 0
    while i < len(shape) or j < len(to):
        start, first, here, there = i, j, 1, 1
        if i < len(shape):
            here, i = shape[i], i + 1
        if j < len(to):
            there, j = to[j], j + 1
        while here != there:
            if here < there:
                here, i = here * shape[i], i + 1
            else:
                there, j = there * to[j], j + 1
        yield (start, i), (first, j)


def without_axes(places: Coordinates, axes: Collection[int]) -> Coordinates:
    """Those of a tensor that lacks some axes, along which there is one coordinate."""
    if not axes:
        return places
    return mapped(lambda field: field.squeeze(tuple(axes)), places)


def broadcast(places: Coordinates, shape: Sequence[int]) -> Coordinates:
    return laid_over([places], len(shape))


def laid_over(parts: Sequence[Coordinates], axes: int) -> Coordinates:
    """Those of values made of several, each by each: the first place that one of them has."""
    merged = parts[0]
    for other in parts[1:]:
        pairs = zip(merged, other, strict=True)
        merged = Coordinates(*(_first_known(*pair) for pair in pairs))
    return mapped(lambda field: field.reshape((1,) * (axes - field.dim()) + field.shape), merged)


def _first_known(field: Tensor, other: Tensor) -> Tensor:
    if not field.isnan().any():
        return field
    return torch.where(field.isnan(), other, field)


def preferred(
    rows: Coordinates | None, columns: Coordinates | None, axes: int
) -> Coordinates | None:
    """The first of two that has places; of images, what either knows."""
    known = [places for places in (rows, columns) if places is not None]
    if not known:
        return None
    placed = (one for one in known if not (one.y.isnan().all() and one.x.isnan().all()))
    best = next(placed, known[0])
    image = next((one.image for one in known if not one.image.isnan().all()), best.image)
    return laid_over([best._replace(image=image)], axes)


def averaged(places: Coordinates, axes: Collection[int]) -> Coordinates:
    """Those of values that come from all along some axes: in the middle, unless that is the same
    for all, which then stand for no place."""
    return mapped(lambda field: _averaged(field, axes), places)


def _averaged(field: Tensor, axes: Collection[int]) -> Tensor:
    over = [axis for axis in axes if field.shape[axis] > 1]
    if not over:
        return field
    mean = field.nanmean(dim=over, keepdim=True)
    if extent(field) > _SAME >= extent(mean):
        return torch.full_like(mean, torch.nan)
    return mean


def joined(
    parts: Sequence[tuple[Coordinates | None, TensorShape]], axis: int, *, stack: bool
) -> Coordinates:
    """Those of tensors that are put one behind the other along an axis, or along a new one."""
    if stack:
        parts = [
            (places and mapped(lambda field: field.unsqueeze(axis), places),
             (*shape[:axis], 1, *shape[axis:]))
            for places, shape in parts
        ]  # fmt: skip
    known = [(places or unknown(len(shape)), shape) for places, shape in parts]
    return Coordinates(*(
        _joined([(places[which], shape) for places, shape in known], axis) for which in range(3)
    ))  # fmt: skip


def _joined(parts: Sequence[tuple[Tensor, TensorShape]], axis: int) -> Tensor:
    first = parts[0][0]
    same = all(
        field.shape[axis] == 1 and field.shape == first.shape and bool(_alike(field, first).all())
        for field, _ in parts
    )
    if same:
        return first
    sizes = [max(field.shape[other] for field, _ in parts) for other in range(first.dim())]
    whole = [
        field.expand([shape[axis] if other == axis else size for other, size in enumerate(sizes)])
        for field, shape in parts
    ]
    return torch.cat(whole, dim=axis)


def written(before: Coordinates, whole: Tensor, view: Tensor, places: Coordinates) -> Coordinates:
    """Those of a tensor, of which a view was overwritten with values from other places."""
    offset = view.storage_offset() - whole.storage_offset()
    fields = []
    for field, other in zip(before, places, strict=True):
        full = torch.empty_strided(whole.size(), whole.stride(), dtype=torch.float64)
        full.copy_(field.expand(whole.size()))
        part = full.as_strided(view.size(), view.stride(), offset)
        part.copy_(other.expand(view.size()) if other.dim() <= view.dim() else other)
        fields.append(full)
    return compact(Coordinates(*fields))


def remade(
    places: Coordinates, shape: TensorShape, to: TensorShape, image: tuple[int, int]
) -> Coordinates | None:
    """Those of maps (..., C, h, w) that are made of others, of the same part of the image.

    Evenly spaced as before; if there were none, or not evenly spaced ones, from the first to the
    last of the image's pixels. None if the last two axes aren't y and x.
    """
    merged = averaged(places, {len(shape) - 3})
    size, source = to[-2:], shape[-2:]
    image_of = merged.image.nanmean(dim=(-2, -1), keepdim=True)
    merged = merged._replace(image=image_of)
    if size == source:
        return merged
    fields = [_resized(field, source, size) for field in (merged.y, merged.x)]
    if all(field is not None for field in fields):
        y, x = fields
        return Coordinates(merged.image, y, x)  # type: ignore[arg-type]
    return _anew(merged, size, image)


def _resized(field: Tensor, source: TensorShape, size: TensorShape) -> Tensor | None:
    if field.isnan().all() and max(size) > 1:  # such as a vector that is made a map
        return None
    for axis, before, after in zip((-2, -1), source, size, strict=True):
        if field.shape[axis] == 1 or before == after:
            continue
        if after == 1:
            field = torch.full_like(field.narrow(axis, 0, 1), torch.nan)
            continue
        steps = field.diff(dim=axis)
        if steps.isnan().any() or float(steps.max() - steps.min()) > _SAME:
            return None
        index = (torch.arange(after, dtype=torch.float64) + 0.5) * before / after - 0.5
        along = index.view(-1, 1) if axis == -2 else index
        field = field.narrow(axis, 0, 1) + steps.narrow(axis, 0, 1) * along
    return field


def _anew(places: Coordinates, size: TensorShape, image: tuple[int, int]) -> Coordinates | None:
    down, across = (
        [_direction(field, axis) for axis in (-2, -1)] for field in (places.y, places.x)
    )
    upright, turned = down[1] == across[0] == 0, down[0] == across[1] == 0
    if not (upright or turned):
        return None
    fields = []
    for field, along, sides in ((places.y, down, image[0]), (places.x, across, image[1])):
        axis = -2 if upright == (field is places.y) else -1
        index = (torch.arange(size[axis], dtype=torch.float64) + 0.5) * sides / size[axis] - 0.5
        shape = [1] * field.dim()
        shape[axis] = size[axis]
        fields.append((index.flip(0) if along[axis] < 0 else index).view(shape))
    return Coordinates(places.image, *fields)


def _direction(field: Tensor, axis: int) -> int:
    """1 if a coordinate grows along an axis, -1 if it falls, 0 if it does neither: at most places,
    whatever stands at the borders."""
    signs = field.diff(dim=axis).nan_to_num(0).sign()
    lines = max(1, signs.numel() // max(1, signs.shape[axis]))
    total = float(signs.sum()) / lines
    if 2 * float(signs.abs().sum()) <= signs.numel():
        return 0
    return -1 if total < -1 else 1
