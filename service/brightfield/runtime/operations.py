"""What a lane can do with a resident model: each operation takes rows and gives rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn
from torch.utils import _pytree as pytree

from brightfield.backend_names import BackendName, Precision
from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.layouts import MapLayout, Unplaced
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.models.inspection.rectifiers import Guided, ReluRule
from brightfield.runtime.layer_layouts import LayerLayouts, rows_of, unplaced
from brightfield.targets import Gradient
from brightfield.tensors import Images


class RowSpan(NamedTuple):
    """The rows [start, stop) of one item within a batch, and the item's own argument."""

    start: int
    stop: int
    argument: Any


class Operation(Hashable, Protocol):
    """Equal operations (they are hashable values) on equal shapes may share a batch."""

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        """A tree of tensors whose first dimension is that of `rows`."""
        ...


@dataclass(frozen=True, slots=True)
class Forward:
    """The model's output; with `cut` the one before a softmax or sigmoid at its end."""

    cut: Rewrite | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        with torch.inference_mode():
            return run(module, rows, self.cut)

    @property
    def backend(self) -> BackendName:
        """What runs it: the model itself."""
        return "eager"

    @property
    def precision(self) -> Precision:
        """What it computes in; a model made for less computes in that."""
        return "fp32"


@dataclass(frozen=True, slots=True)
class Activations:
    """The values that flow through one place of the model, a row for each image.

    With `layouts` they are maps (B, C, h, w) where it is known how they are read so; `strict` ones
    are (B, K) or maps.

    Raises `InvalidParameter` for values that aren't so.
    """

    tap: Tap
    layouts: LayerLayouts | None = None
    strict: bool = False

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> torch.Tensor:
        with torch.inference_mode():
            with reading(module, (self.tap,)) as read:
                module(rows)
            values = seen(read, self.tap)
            layout: MapLayout | Unplaced = Unplaced("gives no row for each image")
            if self.layouts is not None and values.dim() > 2:
                layout = self.layouts.of(module, self.tap, rows)
                if self.strict and isinstance(layout, Unplaced):
                    raise unplaced(self.tap, layout)
            return rows_of(values, self.tap, layout, len(rows))


@dataclass(frozen=True, slots=True)
class Gradients:
    """d score / d input, or / d layer, of each row; an item's argument is its `targets.Score`.

    The score is taken of the model's output, or with `of` of what flows through a place within.
    What flows through a place is read as maps (B, C, h, w) where `layouts` knows how.
    Rows do not touch each other in eval mode, so one backward pass of the sum of all scores gives
    every row its own gradient. Gradients are asked of the input alone (`torch.autograd.grad`):
    parameters get no `.grad`, and the hooks go before this returns. With a `relu_rule` the
    rectifiers of this pass follow it (`models.rectifiers`).

    Raises `Unexplainable` where the score does not depend on what it shall be differentiated by,
    and where there is no rectifier to follow the rule.
    """

    layer: Tap | None = None
    cut: Rewrite | None = None
    relu_rule: ReluRule | None = None
    of: Tap | None = None
    layouts: LayerLayouts | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Gradient:
        taps = [place for place in (self.layer, self.of) if place is not None]
        as_rows = {tap: row_reader(self.layouts, module, tap, rows) for tap in taps}
        guide = None if self.relu_rule is None else Guided(capped=self.relu_rule == "guided")
        with torch.enable_grad(), reading(module, taps) as read:
            source = rows.detach().requires_grad_()
            with guide or nullcontext():  # on a copy, since a model may work in place
                copy = source.clone(memory_format=torch.preserve_format)
                output = run(module, copy, self.cut)
            scored = output if self.of is None else as_rows[self.of](seen(read, self.of))
            scores = torch.cat([span.argument(_slice(scored, span)) for span in spans])
            by = source if self.layer is None else seen(read, self.layer)
            if guide is not None:
                guide.follow(scores)
            gradients = _gradients(scores, by)
        missed = () if guide is None else _missed(guide)
        if self.layer is not None:
            by, gradients = (as_rows[self.layer](values) for values in (by, gradients))
        return Gradient(scores.detach(), gradients.detach(), by.detach(), missed)

    @property
    def simpler(self) -> Sequence[tuple[Gradients, str]]:
        """Gradients that may work where these fail, and the methods that use them."""
        plain = "gradient, input_x_gradient, smoothgrad and integrated_gradients"
        found = []
        if self.relu_rule is not None and self.layer is not None:
            found.append((replace(self, relu_rule=None), "grad_cam"))
        if self.relu_rule is not None or self.layer is not None:
            found.append((replace(self, relu_rule=None, layer=None), plain))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class LaneCall:
    """Any function that must run on the lane's thread: placing a model, freeing its memory.

    With `explains`, rows that the model takes, it looks into the model: a fault is its own if the
    model predicts for them.
    """

    function: Callable[[], Any]
    explains: torch.Tensor | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        return self.function()


def row_reader(
    layouts: LayerLayouts | None, module: nn.Module, tap: Tap, rows: Images
) -> Callable[[torch.Tensor], torch.Tensor]:
    """From what flows through a place to a row for each image; without layouts it is left as it
    is."""
    if layouts is None:
        return lambda values: values
    layout = layouts.of(module, tap, rows)
    return lambda values: rows_of(values, tap, layout, len(rows))


def _gradients(scores: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """d sum(scores) / d by."""
    found = None
    if scores.requires_grad and by.requires_grad:
        (found,) = torch.autograd.grad(scores.sum(), by, allow_unused=True)
    if found is None:
        raise Unexplainable(
            "The score has no gradient there: it does not depend on that place, or the model "
            "computes it in a way that cannot be differentiated. Use occlusion or rise."
        )
    if found.numel() and found.amax().isnan():
        raise Unexplainable(
            "The gradient of the score has NaN there, as that of a square root at 0. Use occlusion "
            "or rise."
        )
    return found


def _missed(guide: Guided) -> tuple[str, ...]:
    """The activations that follow no rule. Raises `Unexplainable` if none does."""
    if guide.reached:
        return tuple(guide.missed)
    if guide.missed:
        raise Unexplainable(
            "No rectifier between the image and the score can be guided: there are "
            f"{', '.join(guide.missed)}. Use gradient, input_x_gradient, smoothgrad, "
            "integrated_gradients, or grad_cam if the model has layers with places."
        )
    raise Unexplainable(
        "There is no ReLU between the image and the score, so guided backpropagation would be the "
        "plain gradient; use gradient, input_x_gradient, smoothgrad, integrated_gradients, or "
        "grad_cam where the model has convolutions."
    )


def _slice(output: Any, span: RowSpan) -> Any:
    return pytree.tree_map_only(torch.Tensor, lambda rows: rows[span.start : span.stop], output)


def seen(read: Mapping[Tap, torch.Tensor], tap: Tap) -> torch.Tensor:
    """What was read at a place. Raises `UnknownLayer` if nothing was."""
    if tap not in read:
        raise UnknownLayer(
            f"The layer {tap.label!r} does not take part in a prediction, or gives no tensor."
        )
    return read[tap]
