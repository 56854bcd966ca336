"""Receptive fields: the pixels of the input that each place of a layer depends on.

The network is recorded once, and the places are followed back through what it does. A kernel of k
values with dilation d, stride s and padding p makes the outputs [low, high) of the inputs
[low s - p, (high - 1) s - p + d (k - 1) + 1), of which only those exist that lie in the map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from brightfield.models.incremental.recording import (
    INPUT,
    RecordedValue,
    Recording,
    Unrecordable,
    record,
)
from brightfield.models.inspection.dependence import DependenceRule, IndexInterval, dependence
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.layouts import MapLayout, Unplaced
from brightfield.tensors import Images, Indices

# How far a value may move by rounding, as a part of the largest one.
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class ReceptiveField:
    """`rows` (h, 2) and `cols` (w, 2): for the places in each row and column of a layer's maps, the
    first pixel of the input that they depend on and one past the last.

    The input is `size` (H, W), and spans lie within it. The place (y, x) depends on nothing outside
    rows[y] and cols[x]. A layer without maps has one place, (0, 0).
    """

    rows: Indices
    cols: Indices
    size: tuple[int, int]

    @classmethod
    def everything(cls, places: tuple[int, int], size: tuple[int, int]) -> ReceptiveField:
        """Every one of (h, w) places depends on the whole input."""
        rows, cols = (
            np.tile(np.array([0, side], np.int64), (count, 1))
            for count, side in zip(places, size, strict=True)
        )
        return cls(rows, cols, size)

    @property
    def unbounded(self) -> bool:
        """Whether there are several places, and every one of them looks at the whole input."""
        whole = all(
            bool((spans == (0, side)).all())
            for spans, side in zip((self.rows, self.cols), self.size, strict=True)
        )
        return whole and len(self.rows) * len(self.cols) > 1

    @property
    def extent(self) -> tuple[int, int]:
        """(height, width), in input pixels, of the largest field of a place."""
        height, width = (int(np.diff(spans).max()) for spans in (self.rows, self.cols))
        return height, width


def receptive_field(
    module: nn.Module, tap: Tap, sample: Images, layout: MapLayout | Unplaced
) -> ReceptiveField:
    """The receptive fields of a layer's places, for inputs as large as `sample` (1, C, H, W).

    Convolutions (dilated, transposed too), poolings, padding, interpolation and functions of single
    values are followed to the pixel. What mixes all places (global pooling as in squeeze and
    excitation, attention, statistics over space), and what is not known, counts as looking
    everywhere, so a field is never too small. So does a module that cannot be recorded, because
    its path depends on values, a layer whose values aren't (B, C, h, w) as they are, and one whose
    values move when pixels change that no field of theirs has.

    Six forward passes on the device of `sample`. Raises `KeyError` for a layer that does not run.
    """
    size = (sample.shape[2], sample.shape[3])
    if not isinstance(layout, MapLayout) or layout != MapLayout("BCHW", layout.grid):
        return ReceptiveField.everything(getattr(layout, "grid", (1, 1)), size)
    upto = _UpTo(module, tap)
    try:
        recording = record(upto, sample)
    except Unrecordable:
        return ReceptiveField.everything(upto.places(sample), size)
    places = upto.places(sample)
    shape = tuple(sample.shape)
    rows, cols = (_spans(recording, places[axis], shape, axis) for axis in (0, 1))
    field = ReceptiveField(rows, cols, size)
    return field if _holds(field, upto, sample) else ReceptiveField.everything(places, size)


def _holds(field: ReceptiveField, upto: _UpTo, sample: Images) -> bool:
    """Whether places keep their values when what is changed lies outside their fields: one half of
    the image, in each of the four ways."""
    generator = torch.Generator().manual_seed(0)
    first, other = (torch.randn(sample.shape, generator=generator).to(sample) for _ in range(2))
    with torch.no_grad():
        values = upto(first)
        scale = float(values.abs().nan_to_num(0, posinf=0).max())
        for axis, spans in ((2, field.rows), (3, field.cols)):
            middle = sample.shape[axis] // 2
            behind = torch.arange(sample.shape[axis], device=sample.device) >= middle
            shape = (-1, 1) if axis == 2 else (1, -1)
            for changed, kept in (
                (behind, spans[:, 1] <= middle),
                (~behind, spans[:, 0] >= middle),
            ):
                moved = upto(torch.where(changed.view(shape), other, first))
                places = torch.from_numpy(np.flatnonzero(kept)).to(sample.device)
                pair = (values.index_select(axis, places), moved.index_select(axis, places))
                if not _same(*pair, scale):
                    return False
    return True


def _same(values: Tensor, moved: Tensor, scale: float) -> bool:
    return torch.allclose(values, moved, rtol=0, atol=_ROUNDING * scale, equal_nan=True)


class _UpTo(nn.Module):
    """The network, with what flows through a place within as its output."""

    def __init__(self, module: nn.Module, tap: Tap) -> None:
        super().__init__()
        self.module = module
        self.tap = tap
        self.shape: tuple[int, ...] = ()

    def forward(self, images: Tensor) -> Tensor:
        with reading(self.module, (self.tap,)) as read:
            try:
                self.module(images)
            except Unrecordable:  # what comes behind the place need not be recorded
                if self.tap not in read:
                    raise
        found = read[self.tap]
        self.shape = tuple(found.shape)
        return found

    def places(self, sample: Images) -> tuple[int, int]:
        """(h, w), after one more pass where the first one was broken off."""
        if not self.shape:
            with torch.no_grad():
                self(sample)
        return self.shape[2], self.shape[3]


def _spans(recording: Recording, places: int, shape: tuple[int, ...], axis: int) -> Indices:
    """(places, 2): what each place of the recording's output depends on along one axis."""
    assert isinstance(recording.output, RecordedValue)
    shapes: dict[int, tuple[int, ...] | None] = {INPUT: shape}
    for call in recording.calls:
        shapes.update(call.results)
    every = np.arange(places, dtype=np.int64)
    needed: dict[int, IndexInterval] = {recording.output.number: (every, every + 1)}
    for call in reversed(recording.calls):
        found = [needed.pop(number) for number, _ in call.results if number in needed]
        if not found:
            continue
        outputs, rule = _union(found), dependence(call, shapes, axis)
        for number in call.inputs:
            read = _read(outputs, rule, _length(shapes[number], axis))
            needed[number] = _union([read, needed[number]]) if number in needed else read
    low, high = needed.get(INPUT, (every * 0, every * 0))
    return np.stack([low, high], axis=1)


def _length(shape: tuple[int, ...] | None, axis: int) -> int:
    """The side of maps along an axis; 1 for what is no maps."""
    return shape[axis - 2] if shape is not None and len(shape) > 2 else 1


def _read(outputs: IndexInterval, rule: DependenceRule | None, side: int) -> IndexInterval:
    """What exists of the inputs; what is made of padding alone depends on nothing."""
    low, high = outputs
    first, last = (low * 0, low * 0 + side) if rule is None else rule(outputs)
    first, last = np.clip(first, 0, side), np.clip(last, 0, side)
    return first, np.where(low < high, np.maximum(first, last), first)


def _union(intervals: list[IndexInterval]) -> IndexInterval:
    """The narrowest interval that covers all; empty ones do not count."""
    low, high = intervals[0]
    for first, last in intervals[1:]:
        alone, neither = low >= high, first >= last
        low = np.where(alone, first, np.where(neither, low, np.minimum(low, first)))
        high = np.where(alone, last, np.where(neither, high, np.maximum(high, last)))
    return low, high
