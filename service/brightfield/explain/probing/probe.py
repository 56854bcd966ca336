"""What a method may ask of a model: scores and gradients, never the model's own hooks or modes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from brightfield.cards import ModelCard
from brightfield.explain.probing.incremental import Incremental
from brightfield.explain.probing.spatial_layer import SpatialLayer
from brightfield.geometry import Geometry
from brightfield.images.labels import Labels
from brightfield.models.attention.flow import HeadFusion
from brightfield.models.incremental import Refusal
from brightfield.models.incremental.schedule import Spans
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.rectifiers import ReluRule
from brightfield.models.relevance.network import Relevance, RuleSet
from brightfield.targets import Attention, Gradient, Target
from brightfield.tensors import Images, Scores


class Probe(Protocol):
    """A model, the targets of an explanation, and the way to the lane.

    Each chunk is one item in the bulk band: mode, forward and backward run together on the
    lane's thread, and predictions come in between two chunks. Chunks are taken from the iterable
    as they are needed, so a generator bounds the memory.
    """

    @property
    def card(self) -> ModelCard: ...

    @property
    def model(self) -> nn.Module:
        """The module, for tracing; never to be run or changed."""
        ...

    @property
    def targets(self) -> Sequence[Target]: ...

    @property
    def geometry(self) -> Geometry:
        """Where the model's input lies in the image."""
        ...

    @property
    def passes(self) -> int:
        """Images that were sent through the model so far, each one pass forward."""
        ...

    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3): the whole image as it is displayed."""
        ...

    def objects(self) -> Labels:
        """(H, W): the objects of the method's companion, by their ids, over the whole image."""
        ...

    def chunk(self, *, gradients: bool = False) -> int:
        """Images that a chunk should have: the measured best batch."""
        ...

    def scores(self, chunks: Iterable[Images]) -> Iterator[Scores]:
        """(B, T) of every chunk, for the T targets."""
        ...

    def incremental(
        self,
        images: Images,
        fill: Images,
        rows: Spans,
        cols: Spans,
        least: int,
    ) -> Incremental | Refusal:
        """The windows of every span of rows with every span of columns, or why they cannot be
        computed incrementally; a model is not traced for fewer than `least` of them."""
        ...

    def gradients(
        self,
        chunks: Iterable[Images],
        layer: Tap | None = None,
        relu_rule: ReluRule | None = None,
    ) -> Iterator[Gradient]:
        """Gradients of the first target's score by the input, or by what flows through a layer:
        maps (B, C, h, w) where its values are known as such."""
        ...

    def attention(self, images: Images, heads: HeadFusion | None) -> Attention:
        """How attention moves information for one image (1, C, H, W): the weights with their heads
        fused, or (None) weighed by the gradients of the first target's score.

        Raises `Unexplainable` for a model without attention of all tokens to all.
        """
        ...

    def relevance(self, images: Images, rules: RuleSet) -> Relevance:
        """How the first target's score is made up of the values of one image."""
        ...

    def spatial_layer(self, name: str | None, images: Images) -> SpatialLayer:
        """A layer with several places of such images, by its name; None: the card's, else the last
        one before the network's head.

        Raises `UnknownLayer` for a name that isn't there, and `Unexplainable` with the reason for
        a layer without places, or of which they aren't known.
        """
        ...

    def at_neuron(self, images: Images, layer: str, index: tuple[int, ...]) -> Probe:
        """The same model with one value of a layer as the only target, `images` being explained."""
        ...

    def randomised(self, images: Images, seed: int) -> tuple[Probe, str] | None:
        """The model as if its last layer were drawn anew, and that layer's name.

        It is the weighted layer nearest to the first target's score, in that call alone where it
        runs several times; None where there is none.
        """
        ...
