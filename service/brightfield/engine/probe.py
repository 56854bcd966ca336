"""The probe: a method's only way to the model, each chunk one item on the lane."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from brightfield.cards import ModelCard
from brightfield.engine.incremental import LaneWindows, Passes, planned
from brightfield.engine.scoring import ScoringPasses, scoring_pass
from brightfield.errors import Unexplainable, UnknownLayer
from brightfield.explain.probing.neuron import neuron_target
from brightfield.explain.probing.spatial_layer import SpatialLayer
from brightfield.geometry import Geometry
from brightfield.images.labels import Labels
from brightfield.models.attention.flow import HeadFusion
from brightfield.models.incremental import Refusal
from brightfield.models.incremental.schedule import Spans
from brightfield.models.inspection.default_layer import last_spatial_layer
from brightfield.models.inspection.layers import Tap, reading, resolve
from brightfield.models.inspection.layouts import Unplaced
from brightfield.models.inspection.normalising import Rewrite
from brightfield.models.inspection.rectifiers import ReluRule
from brightfield.models.relevance.network import Relevance, RuleSet
from brightfield.runtime.ahead import results_ahead
from brightfield.runtime.attention_pass import AttentionPass
from brightfield.runtime.layer_layouts import unplaced
from brightfield.runtime.operations import Activations, Gradients, Operation
from brightfield.runtime.parameter_override import (
    ParameterOverride,
    WeightUse,
    drawn,
    last_weight,
)
from brightfield.runtime.relevance_pass import RelevancePass
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.targets import Attention, Gradient, Target
from brightfield.tensors import Images, Scores

_WITHOUT_LAYERS = (
    "Without a layer: gradient, input_x_gradient, smoothgrad, integrated_gradients, occlusion, "
    "rise."
)

# How far scores by another backend may be from the model's own, as a share of their range: less
# than one of 256 colours. Compared are so many images; fewer aren't worth it.
_UNSEEN = 1e-3
_COMPARED = 4

PictureOf = Callable[[], NDArray[np.uint8]]
Change = Callable[[Operation], Operation]


class LaneProbe:
    """`explain.probe.Probe` over a resident model; used in a thread that may block.

    `picture` gives the displayed image (H, W, 3), and `objects` are the objects (H, W) in it, for
    the methods that ask for them. The scores are those of the model's output by `scoring` (default:
    logits by the model itself), or with `of` of what flows through a place within. The quick pass
    is used where it gives the scores of this very image. A withdrawn or expired ticket ends the
    explanation between two chunks.
    """

    def __init__(
        self,
        resident: Resident,
        targets: Sequence[Target],
        geometry: Geometry,
        ticket: Ticket,
        scoring: ScoringPasses | None = None,
        picture: PictureOf | None = None,
        of: Tap | None = None,
        objects: Labels | None = None,
    ) -> None:
        self.targets = targets
        self.geometry = geometry
        self.passes = 0
        self._resident = resident
        self._ticket = ticket
        self._picture = picture
        self._objects = objects
        own, quick = scoring or ScoringPasses(scoring_pass(resident, "logit"))
        self._scoring: Operation = own
        self._quick: Operation | None = quick
        self._agrees = False
        self._cut: Rewrite | None = own.cut
        self._of: Tap | None = None
        if of is not None and of != Tap(""):
            self._look_at(of)
        self._change: Change = _unchanged

    @property
    def card(self) -> ModelCard:
        return self._resident.card

    @property
    def model(self) -> nn.Module:
        return self._resident.module

    def picture(self) -> NDArray[np.uint8]:
        if self._picture is None:
            raise TypeError("this probe was made without a picture")
        return self._picture()

    def objects(self) -> Labels:
        if self._objects is None:
            raise TypeError("this probe was made without objects")
        return self._objects

    def chunk(self, *, gradients: bool = False) -> int:
        operation = self._gradients(None, None) if gradients else self._quick or self._scoring
        shape = (self.card.input.channels, *self.geometry.input_size)
        return self._resident.most_rows(self._change(operation), shape)

    def scores(self, chunks: Iterable[Images]) -> Iterator[Scores]:
        coming, first = iter(chunks), list[Images]()
        if self._quick is not None:
            while sum(map(len, first)) < _COMPARED and (chunk := next(coming, None)) is not None:
                first.append(chunk)
        operation = self._quickest(first)
        for output in self._run(operation, chain(first, coming)):
            yield self._scored(output)

    @property
    def ran(self) -> Operation:
        """What most scores were computed by."""
        return self._quick if self._quick is not None and self._agrees else self._scoring

    def _quickest(self, first: Sequence[Images]) -> Operation:
        """What computes the scores of images: the model itself, unless another is as good."""
        if self._quick is None or sum(map(len, first)) < _COMPARED:
            return self._scoring
        if not self._agrees:
            rows = torch.cat(list(first))
            some = rows[:: len(rows) // _COMPARED][:_COMPARED]
            self._agrees = self._same_scores(self._quick, some)
        if not self._agrees:
            self._quick = None
        return self.ran

    def _same_scores(self, other: Operation, rows: Images) -> bool:
        own, quick = (
            self._scored(next(self._run(operation, [rows]))) for operation in (self._scoring, other)
        )
        allowed = _UNSEEN * (own.amax(0) - own.amin(0))
        return bool(((own - quick).abs().amax(0) <= allowed).all())

    def incremental(
        self, images: Images, fill: Images, rows: Spans, cols: Spans, least: int
    ) -> LaneWindows | Refusal:
        operation = self._change(self._scoring)
        passes = Passes(self._resident, operation, self._scored, self._ticket, self._count)
        found = planned(passes, images, rows, cols, least)
        if isinstance(found, Refusal):
            return found
        self.passes += 1  # the base; of the rest only parts are computed
        return LaneWindows(passes, found, images, fill)

    def gradients(
        self,
        chunks: Iterable[Images],
        layer: Tap | None = None,
        relu_rule: ReluRule | None = None,
    ) -> Iterator[Gradient]:
        operation = self._gradients(layer, relu_rule)
        yield from self._run(operation, chunks, self.targets[0].score)

    def attention(self, images: Images, heads: HeadFusion | None) -> Attention:
        found: Attention = self._alone(
            AttentionPass(heads, self._cut, self._of), images, self.targets[0].score
        )
        return found

    def _gradients(self, layer: Tap | None, relu_rule: ReluRule | None) -> Gradients:
        return Gradients(layer, self._cut, relu_rule, self._of, self._resident.layouts)

    def relevance(self, images: Images, rules: RuleSet) -> Relevance:
        argument = (self.targets[0].score, rules)
        found: Relevance = self._alone(
            RelevancePass(self._cut, self._of, self._resident.layouts), images, argument
        )
        return found

    def spatial_layer(self, name: str | None, images: Images) -> SpatialLayer:
        wanted = name or self.card.explain.layer
        resident = self._resident
        if wanted is None:  # of an image of zeros the gradients may be, too
            generator = torch.Generator().manual_seed(0)
            noise = torch.randn(images.shape, generator=generator).to(images)
            return resident.run(lambda: self._default_layer(noise), images)
        tap = resolve(self.model, wanted, self.card.explain)
        layout = resident.run(
            lambda: resident.layouts.of(self.model, tap, resident.place(images)), images
        )
        if isinstance(layout, Unplaced):
            raise Unexplainable(f"{unplaced(tap, layout).detail} {_WITHOUT_LAYERS}")
        if not layout.spatial:
            raise Unexplainable(
                f"The layer {wanted!r} has no spatial maps, which the method needs: choose another "
                f"one. {_WITHOUT_LAYERS}"
            )
        return SpatialLayer(tap, layout, named=True)

    def _default_layer(self, sample: Images) -> SpatialLayer:
        taps = () if self._of is None else (self._of,)
        resident, score, of = self._resident, self.targets[0].score, self._of
        with reading(self.model, taps) as read:
            try:
                found = last_spatial_layer(
                    self.model,
                    resident.place(sample),
                    lambda output: score(output if of is None else read[of]),
                    self._cut,
                    self.card.explain.axes,
                )
            except UnknownLayer as fault:
                raise Unexplainable(
                    f"The model {self.card.id} has no layer with spatial maps, which the method "
                    f"needs: {fault.detail} {_WITHOUT_LAYERS}"
                ) from None
        return SpatialLayer(found.tap, found.layout, named=False)

    def at_neuron(self, images: Images, layer: str, index: tuple[int, ...]) -> LaneProbe:
        """Raises `UnknownLayer` for a name that is not there, and `InvalidParameter` with the
        layer's shape for an index outside it."""
        there = copy.copy(self)
        place = resolve(self.model, layer, self.card.explain)
        if place != Tap(""):  # the network's own output is what is scored anyway
            there._look_at(place)
        (features,) = there._run(there._scoring, [images])
        there.passes = 0
        there.targets = [neuron_target(layer, index, features)]
        return there

    def randomised(self, images: Images, seed: int) -> tuple[LaneProbe, str] | None:
        resident, score = self._resident, self.targets[0].score

        def find() -> WeightUse | None:
            return last_weight(self.model, resident.place(images), score, self._cut, self._of)

        self._ticket.check()
        use = resident.run(find, images)
        if use is None:
            return None
        values = drawn(self.model, use.layer, seed)
        random = copy.copy(self)
        random.passes, random._quick = 0, None
        random._change = lambda operation: ParameterOverride(operation, use, seed, values)
        return random, use.label

    def _look_at(self, place: Tap) -> None:
        """Take scores of what flows through a place, which the model itself shows."""
        self._scoring = Activations(place, self._resident.layouts)
        self._cut, self._of, self._quick = None, place, None

    def _count(self, rows: int) -> None:
        self.passes += rows

    def _scored(self, output: Any) -> Scores:
        """(B, T) of an output of B rows."""
        return torch.stack([target.score(output) for target in self.targets], dim=1)

    def _run(self, operation: Operation, chunks: Iterable[Images], argument: Any = None) -> Any:
        """The results of all chunks in order, with few of them on their way at once."""
        submit = partial(self._submit, operation, argument)
        yield from results_ahead(chunks, submit, self._ticket)

    def _alone(self, operation: Operation, images: Images, argument: Any) -> Any:
        """The result for one image, in a batch of its own."""
        self.passes += len(images)
        self._ticket.check()
        return self._resident.submit(
            self._change(operation),
            images,
            self._ticket,
            band=Priority.BULK,
            argument=argument,
            max_batch=1,
        ).result()

    def _submit(self, operation: Operation, argument: Any, chunk: Images) -> WorkItem:
        self.passes += len(chunk)
        return self._resident.submit(
            self._change(operation), chunk, self._ticket, band=Priority.BULK, argument=argument
        )


def _unchanged(operation: Operation) -> Operation:
    return operation
