"""Along one axis: which inputs of a recorded call some of its outputs depend on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from brightfield.models.incremental.operations import Relabel, Sliding
from brightfield.models.incremental.recording import RecordedCall
from brightfield.models.incremental.slide import Slide
from brightfield.models.incremental.translation import bound, translate
from brightfield.tensors import Indices

IndexInterval = tuple[Indices, Indices]
"""Index by index the first value that is meant, and one past the last; empty where equal."""

DependenceRule = Callable[[IndexInterval], IndexInterval]
"""From outputs to the inputs that they depend on; these may lie outside the map."""

ValueShapes = Mapping[int, tuple[int, ...] | None]
"""By value; None for what is no tensor."""

# They leave the last two axes alone, where the axes that they name are others.
_NAMED_AXES = {
    "select": ("dim",), "slice": ("dim",), "split": ("dim",), "split_with_sizes": ("dim",),
    "unbind": ("dim",), "unsqueeze": ("dim",), "transpose": ("dim0", "dim1"),
    "view": (), "_unsafe_view": (), "reshape": (), "clone": (), "rsub": (),
}  # fmt: skip


def dependence(call: RecordedCall, shapes: ValueShapes, axis: int) -> DependenceRule | None:
    """How the outputs of a call depend on its inputs; `axis` is 0 down, 1 across.

    One rule for all inputs, since those of a call with several lie over each other. None where an
    output may depend on any place. The values are maps (1, C, H, W), or lists of maps with H and W
    as their last two axes.
    """
    rule = _local(call, shapes, axis) or _transposed(call, shapes, axis)
    rule = rule or _interpolated(call, shapes, axis) or _indexed(call, shapes, axis)
    return rule or (_unchanged if _keeps_places(call, shapes) else None)


def _unchanged(interval: IndexInterval) -> IndexInterval:
    return interval


def _local(call: RecordedCall, shapes: ValueShapes, axis: int) -> DependenceRule | None:
    maps = {n: s[1:] for n in call.inputs if (s := shapes[n]) is not None and _are_maps(s)}
    if not _are_maps(call.shapes[0]) or not maps.keys() >= set(call.inputs):
        return None
    found = translate(call, {n: (s[0], s[1], s[2]) for n, s in maps.items()})
    if isinstance(found, Sliding):
        return partial(_read, (found.down, found.across)[axis])
    if isinstance(found, Relabel):
        return partial(_moved, (found.top, found.left)[axis])
    return None if found is None else _unchanged


def _are_maps(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) == 4 and shape[0] == 1


def _read(slide: Slide, interval: IndexInterval) -> IndexInterval:
    """From the first input that exists to the last; at the borders the outermost output need not
    have it, since a dilated kernel can leap over the padding."""
    low, high = interval
    first, last = np.full_like(low, slide.size_in), np.zeros_like(high)
    for step in range(-(-slide.before // slide.stride) + 1):
        start = slide.first_read(low + step)
        begin = start + slide.dilation * np.maximum(0, -(start // slide.dilation))
        reads = (low + step < high) & (begin < np.minimum(start + slide.extent, slide.size_in))
        first = np.where(reads, np.minimum(first, begin), first)
    for step in range(-(-slide.after // slide.stride) + 1):
        start = slide.first_read(high - 1 - step)
        count = np.minimum(slide.kernel - 1, (slide.size_in - 1 - start) // slide.dilation)
        end = start + slide.dilation * count
        reads = (high - 1 - step >= low) & (count >= 0) & (end >= 0)
        last = np.where(reads, np.maximum(last, end + 1), last)
    return first, last


def _moved(by: int, interval: IndexInterval) -> IndexInterval:
    return interval[0] - by, interval[1] - by


def _transposed(call: RecordedCall, shapes: ValueShapes, axis: int) -> DependenceRule | None:
    """A transposed convolution lays its kernel down s apart: the reverse of what a kernel reads."""
    if not call.name.endswith(".convolution"):
        return None
    given = bound(call)
    if not given["transposed"] or len(given["weight"].shape) != 4:
        return None
    sides = (_side(shapes[call.inputs[0]], axis), _side(call.shapes[0], axis))
    return partial(
        _laid_down,
        Slide(
            kernel=int(given["weight"].shape[2 + axis]),
            stride=int(given["stride"][axis % len(given["stride"])]),
            dilation=int(given["dilation"][axis % len(given["dilation"])]),
            before=int(given["padding"][axis % len(given["padding"])]),
            size_in=sides[1],
            size_out=sides[0],
        ),
    )


def _laid_down(slide: Slide, interval: IndexInterval) -> IndexInterval:
    low, high = interval
    first = -((slide.extent - 1 - low - slide.before) // slide.stride)
    return first, (high - 1 + slide.before) // slide.stride + 1


def _interpolated(call: RecordedCall, shapes: ValueShapes, axis: int) -> DependenceRule | None:
    kind = call.name.partition(".")[2]
    if kind not in ("upsample_nearest2d", "upsample_bilinear2d"):
        return None
    given = bound(call)
    before, after = _side(shapes[call.inputs[0]], axis), _side(call.shapes[0], axis)
    factor = given.get("scales_w" if axis else "scales_h")
    step = before / after if factor is None else 1 / factor
    if kind == "upsample_nearest2d":
        return partial(_nearest, step)
    if given["align_corners"]:
        return partial(_between, (before - 1) / max(1, after - 1), 0.0)
    return partial(_between, step, 0.5)


def _nearest(step: float, interval: IndexInterval) -> IndexInterval:
    low, high = interval
    return np.floor(low * step).astype(np.int64), np.floor((high - 1) * step).astype(np.int64) + 1


def _between(step: float, centre: float, interval: IndexInterval) -> IndexInterval:
    """Linear between the inputs on either side of (i + centre) step - centre."""
    low, high = (
        np.maximum(0.0, (places + centre) * step - centre)
        for places in (interval[0], interval[1] - 1)
    )
    return np.floor(low).astype(np.int64), np.ceil(high).astype(np.int64) + 1


def _indexed(call: RecordedCall, shapes: ValueShapes, axis: int) -> DependenceRule | None:
    """Rows and columns by their numbers, which is what repeating pixels can come down to."""
    shape = call.shapes[0]
    if call.name.partition(".")[2] not in ("index", "_unsafe_index") or not _are_maps(shape):
        return None
    indices = bound(call)["indices"]
    if len(indices) != 4 or any(index is not None for index in indices[:2]):
        return None
    chosen = indices[2 + axis]
    if not isinstance(chosen, Tensor) or chosen.numel() != _side(shape, axis):
        return None
    numbers = chosen.flatten().cpu().numpy()
    return partial(_numbered, numbers) if (np.diff(numbers) >= 0).all() else None


def _numbered(numbers: Indices, interval: IndexInterval) -> IndexInterval:
    low, high = interval
    return numbers[np.minimum(low, len(numbers) - 1)], numbers[high - 1] + 1


def _keeps_places(call: RecordedCall, shapes: ValueShapes) -> bool:
    names = _NAMED_AXES.get(call.name.partition(".")[2])
    if names is None or len(call.inputs) != 1:
        return False
    given, before = bound(call), shapes[call.inputs[0]]
    if before is None or len(before) < 3:
        return False
    axes = len(before) + (call.name.endswith(".unsqueeze"))
    apart = all(_is_leading(given[name], axes) for name in names)
    alike = all(s is not None and s[-2:] == before[-2:] for s in call.shapes)
    return apart and alike


def _is_leading(axis: Any, axes: int) -> bool:
    return isinstance(axis, int) and axis % axes < axes - 2


def _side(shape: tuple[int, ...] | None, axis: int) -> int:
    assert shape is not None
    return shape[axis - 2]
