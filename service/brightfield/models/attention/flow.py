"""How attention moves what a network knows of the image from token to token, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from brightfield.errors import Unexplainable
from brightfield.models.attention.calls import AttentionCall, attention_call
from brightfield.models.attention.replay import TensorsByNumber, done, filled
from brightfield.models.attention.tokens import Stem, TokenGrid, disturbed, tokens_moved
from brightfield.models.incremental.recording import INPUT, Recording, Unrecordable, record
from brightfield.tensors import Images

# All weights of one pass, in values: a GiB of float32.
_MOST_WEIGHTS = 2**28

HeadFusion = Literal["mean", "max", "min"]
"""How the weights of a layer's heads become one."""


@dataclass(frozen=True, slots=True)
class AttentionLayers:
    """The attention of one recorded pass: its calls in order, the grid of the tokens' places, and
    after which layer tokens are first mixed by something else (None: nowhere)."""

    calls: Sequence[AttentionCall]
    places: TokenGrid
    mixed_after: int | None


def recorded(program: nn.Module, image: Images) -> Recording:
    """Raises `Unexplainable` for a network that can't be recorded."""
    try:
        return record(program, image, constants=True)
    except Unrecordable as fault:
        raise Unexplainable(f"Its attention isn't found, because {fault}.") from fault


def attention_layers(recording: Recording, image: Images) -> AttentionLayers:
    """The attention in a recording, and what its tokens stand for; one pass, and a second one of
    what depends on a disturbance.

    In the second pass the output of every layer is disturbed for half of the tokens. If the network
    does nothing between two layers but to treat each token alone, just these tokens have changed
    where the next layer looks at them.

    Raises `Unexplainable` where there is no attention that all tokens pay to all, and where one
    isn't behind the other with the same tokens.
    """
    with torch.no_grad():
        return _Search(recording, image).found()


class _Search:
    def __init__(self, recording: Recording, image: Images) -> None:
        self._recording = recording
        self._values: TensorsByNumber = {INPUT: image}
        self._twin: TensorsByNumber = {}
        self._calls: list[AttentionCall] = []
        self._places: TokenGrid | None = None
        self._mixed_after: int | None = None
        self._left = Counter(number for call in recording.calls for number in call.inputs)

    def found(self) -> AttentionLayers:
        calls = self._recording.calls
        for place, call in enumerate(calls):
            attention = attention_call(call, self._values)
            if attention is not None:
                self._check(attention, place)
            new = done(call, self._values)
            if self._twin.keys() & call.inputs:
                read = {number: self._values[number] for number in call.inputs}
                self._twin.update(done(call, {**read, **self._twin}))
            self._values.update(new)
            if attention is not None:
                self._disturb(attention)
            if self._calls:
                self._forget(call.inputs)
        if self._places is None:
            raise Unexplainable(
                "It has no attention, in which every token looks at every other one, that could be "
                "found in what it computes."
            )
        return AttentionLayers(self._calls, self._places, self._mixed_after)

    def _check(self, attention: AttentionCall, place: int) -> None:
        if attention.asking != attention.asked:
            raise Unexplainable(
                f"In its attention {attention.asking} queries look at {attention.asked} tokens (as "
                "in pooling, cross attention or shortened keys), and the method is for encoders "
                "whose tokens look at one another."
            )
        if not self._calls:
            calls = self._recording.calls[:place]
            self._places = Stem(calls, self._values, attention).places()
        else:
            self._follow(attention)
        self._calls.append(attention)
        heads = [int(np.prod(self._weights_shape(call))) for call in self._calls]
        if sum(heads) > _MOST_WEIGHTS:
            raise Unexplainable(
                "Its attention has more weights than fit into memory at once; name a smaller part "
                "of the image with region=x,y,width,height."
            )

    def _weights_shape(self, call: AttentionCall) -> tuple[int, int, int]:
        # A fused call has no weights yet; its values have a head's leading axes as well.
        shape = call.call.shapes[0]
        assert shape is not None
        heads = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
        return heads, call.asking, call.asked

    def _follow(self, attention: AttentionCall) -> None:
        """Whether this layer sees the last one's tokens, in their order, and each alone."""
        before = self._calls[-1]
        if attention.asked != before.asked:
            raise Unexplainable(
                f"Its attention layers have different numbers of tokens ({before.asked}, then "
                f"{attention.asked}), so their weights can't be followed."
            )
        number = attention.values
        twin = self._twin.get(number, self._values[number])
        moved = (tokens_moved(self._values[number], twin, attention.axis) > 0).any(axis=0)
        touched = np.flatnonzero(moved)
        half = np.flatnonzero(_half(attention.asked))
        if not np.isin(half, touched).all():
            raise Unexplainable(
                "Its attention layers don't follow one another with the same tokens in the same "
                "order, so their weights can't be followed."
            )
        if self._mixed_after is None and len(touched) > len(half):
            self._mixed_after = len(self._calls)

    def _disturb(self, attention: AttentionCall) -> None:
        output = self._values[attention.output]
        half = torch.from_numpy(_half(attention.asking))
        chosen = half[:, None] if attention.axis == -2 else half
        self._twin[attention.output] = disturbed(output, chosen)

    def _forget(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            self._left[number] -= 1
            if not self._left[number]:
                self._values.pop(number, None)
                self._twin.pop(number, None)


def _half(count: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Half of so many tokens, at random: no reordering leaves them as they are."""
    chosen = np.zeros(count, np.bool_)
    chosen[np.random.default_rng(count).permutation(count)[: (count + 1) // 2]] = True
    return chosen


@dataclass(frozen=True, slots=True)
class Flow:
    """What the layers' weights come to: `matrices` (L, N, N), tokens that look by tokens that are
    looked at; `read` (N,), which tokens the score is read from, behind the last layer."""

    matrices: Tensor
    read: Tensor


def flow(
    recording: Recording,
    layers: AttentionLayers,
    image: Images,
    score: Callable[[Any], Tensor],
    heads: HeadFusion | None,
) -> Flow:
    """The weights of every layer, as one matrix for all heads.

    `heads` fuses the weights themselves (rollout); None takes mean over heads of
    max(weight * d score / d weight, 0), as Chefer, Gur and Wolf 2021.

    Raises `Unexplainable` where the score doesn't depend on the attention.
    """
    found = _Watched(len(layers.calls), heads)
    known = {attention.output: place for place, attention in enumerate(layers.calls)}
    with torch.enable_grad():
        values: TensorsByNumber = {INPUT: image.clone().requires_grad_()}
        for call in recording.calls:
            place = known.get(call.outputs[0] or INPUT)
            if place is None:
                values.update(done(call, values))
            else:
                attention = layers.calls[place]
                weights = found.watch(place, attention.matrix(values))
                values.update(attention.attended(values, weights))
        scores = score(filled(recording.output, values))
        if scores.requires_grad:
            torch.autograd.grad(scores.sum(), values[INPUT], allow_unused=True)
    if not found.read.any():
        raise Unexplainable("The score doesn't depend on its attention.")
    return Flow(torch.stack(found.matrices), found.read / found.read.sum())


class _Watched:
    """The weights of each layer, looked at as they and their gradients come by."""

    def __init__(self, count: int, heads: HeadFusion | None) -> None:
        self.matrices = [torch.zeros(0)] * count
        self.read = torch.zeros(1)
        self._heads = heads

    def watch(self, place: int, weights: Tensor) -> Tensor:
        """The same weights; what is kept of them and their gradient is one matrix for all heads."""
        if self._heads is not None:
            self.matrices[place] = _fused(weights.detach(), self._heads).float().cpu()

        values = weights.detach()  # a hook that had the weights would be theirs, in a circle

        def weigh(gradient: Tensor) -> None:
            if self._heads is None:
                part = (gradient * values).clamp(min=0).mean(0)
                self.matrices[place] = part.float().cpu()
            if place == len(self.matrices) - 1:
                self.read = (gradient != 0).any(-1).any(0).float().cpu()

        if weights.requires_grad:
            weights.register_hook(weigh)  # type: ignore[no-untyped-call]
        return weights


def _fused(weights: Tensor, heads: HeadFusion) -> Tensor:
    match heads:
        case "max":
            return weights.amax(0)
        case "min":
            return weights.amin(0)
        case _:
            return weights.mean(0)
