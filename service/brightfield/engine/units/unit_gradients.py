"""Gradients of single values of a layer by the pixels that they see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import torch

from brightfield.cards import InputSpec, Multiple
from brightfield.engine.units.inside import Layer
from brightfield.errors import Unexplainable
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.outages import ModelFailed
from brightfield.runtime.ahead import ROWS_AHEAD, ahead
from brightfield.runtime.operations import Gradients
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.targets import Gradient
from brightfield.tasks.units.top_activations import Peak
from brightfield.tensors import Images

BackwardRule = Literal["guided", "plain", "none"]

# Windows begin at multiples of this, as the strides of a network do.
_GRID = 32
# A value must come out of a window as it came out of the whole image.
_TOLERANCE = 1e-3

UnitChoice = tuple[int, Peak]
"""A unit, and where its value is."""


class SeenGradient(NamedTuple):
    """`values` (C, h, w) by the input's pixels from (top, left) on; elsewhere they are 0."""

    values: torch.Tensor
    top: int
    left: int


@dataclass(frozen=True, slots=True)
class UnitScore:
    """(B,): the value of a unit at one place; a flat layer (B, K) has but one."""

    unit: int
    row: int
    column: int

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        values = features[:, self.unit]
        return values if values.dim() == 1 else values[:, self.row, self.column]


class Window(NamedTuple):
    """Pixels of the input, [top, bottom) x [left, right), and the first place of a layer there."""

    top: int
    bottom: int
    left: int
    right: int
    row: int = 0
    column: int = 0


def window_of(field: ReceptiveField, peak: Peak, spec: InputSpec) -> Window | None:
    """The part of the input that suffices for one value, where it is much smaller than all of it.

    Only for models that take images of any size. A value depends on nothing outside its receptive
    field, so a part that holds the field, and begins where the network's strides do, gives the same
    value and gradient.
    """
    if spec.crop is not None or isinstance(spec.size, tuple) or field.unbounded:
        return None
    multiple = spec.size.multiple if isinstance(spec.size, Multiple) else 1
    grid = math.lcm(_GRID, multiple)
    (height, width), shape = field.size, (len(field.rows), len(field.cols))
    spans = []
    for (low, high), side in (
        (field.rows[peak.row].tolist(), height), (field.cols[peak.column].tolist(), width),
    ):  # fmt: skip
        spans.append((low // grid * grid, max(grid, min(side, -(-high // grid) * grid))))
    (top, bottom), (left, right) = spans
    if top * shape[0] % height or left * shape[1] % width:
        return None
    if 2 * (bottom - top) * (right - left) > height * width:
        return None
    return Window(top, bottom, left, right, top * shape[0] // height, left * shape[1] // width)


class UnitGradients:
    """Guided backpropagation from values of one layer; plain gradients where there is no ReLU to
    guide, none where there is no gradient: `rule` says which it has come to.

    Source: Springenberg et al. 2015.
    """

    def __init__(self, layer: Layer, ticket: Ticket) -> None:
        self.rule: BackwardRule = "guided"
        self.unguided: dict[str, None] = {}
        """The activations that followed no rule, by name."""
        self._layer = layer
        self._ticket = ticket
        self._windows = True

    def of(
        self, images: Images, field: ReceptiveField, wanted: Sequence[UnitChoice]
    ) -> Iterator[SeenGradient | None]:
        """The gradient of each value of one image (1, C, H, W), a few at a time."""
        for start in range(0, len(wanted), ROWS_AHEAD):
            self._ticket.check()
            yield from self._some(images, field, wanted[start : start + ROWS_AHEAD])

    def _some(
        self, images: Images, field: ReceptiveField, wanted: Sequence[UnitChoice]
    ) -> Sequence[SeenGradient | None]:
        while self.rule != "none":
            try:
                return self._by_rule(images, field, wanted)
            except Unexplainable:
                self.rule = "plain" if self.rule == "guided" else "none"
        return [None] * len(wanted)

    def _by_rule(
        self, images: Images, field: ReceptiveField, wanted: Sequence[UnitChoice]
    ) -> Sequence[SeenGradient]:
        """Through windows as long as these give the values that are known."""
        whole = Window(0, images.shape[2], 0, images.shape[3])
        if self._windows:
            found = self._through_windows(images, field, wanted, whole)
            if found is not None:
                return found
            self._windows = False
        return [g for _, g in self._passed_back(images, wanted, [whole] * len(wanted))]

    def _through_windows(
        self, images: Images, field: ReceptiveField, wanted: Sequence[UnitChoice], whole: Window
    ) -> Sequence[SeenGradient] | None:
        """None where a window does not give the value that the whole image gave."""
        spec = self._layer.resident.card.input
        windows = [window_of(field, peak, spec) or whole for _, peak in wanted]
        try:
            found = self._passed_back(images, wanted, windows)
        except ModelFailed:  # it does not take so small an image
            return None
        known = [peak.value for _, peak in wanted]
        if all(_alike(value, was) for (value, _), was in zip(found, known, strict=True)):
            return [gradient for _, gradient in found]
        return None

    def _passed_back(
        self, images: Images, wanted: Sequence[UnitChoice], windows: Sequence[Window]
    ) -> list[tuple[float, SeenGradient]]:
        """The value and the gradient of each choice, through its window."""
        choices = zip(wanted, windows, strict=True)
        submit = partial(self._submit, images)
        found = []
        for (_, window), item in ahead(choices, submit, self._ticket, ROWS_AHEAD):
            passed: Gradient = item.result()
            self.unguided |= dict.fromkeys(passed.unguided)
            seen = SeenGradient(passed.gradients[0], window.top, window.left)
            found.append((float(passed.scores[0]), seen))
        return found

    def _submit(self, images: Images, choice: tuple[UnitChoice, Window]) -> WorkItem:
        layer, ((unit, peak), window) = self._layer, choice
        operation = Gradients(
            cut=layer.cut,
            relu_rule="guided_uncapped" if self.rule == "guided" else None,
            of=None if layer.tap == Tap("") else layer.tap,
        )
        part = images[..., window.top : window.bottom, window.left : window.right]
        score = UnitScore(unit, peak.row - window.row, peak.column - window.column)
        return layer.resident.submit(
            operation, part, self._ticket, band=Priority.BULK, argument=score
        )


def _alike(value: float, known: float) -> bool:
    return abs(value - known) <= _TOLERANCE * max(abs(known), 1e-3)
