"""The layer that Grad-CAM weighs by default: the last one with places before a network's head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from brightfield.errors import UnknownLayer
from brightfield.models.inspection.coordinates import Coordinates
from brightfield.models.inspection.layers import Tap, first_tensor
from brightfield.models.inspection.layouts import MapLayout, StatedAxes, layout_for
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.models.inspection.paths import Paths
from brightfield.models.inspection.places import FollowedPlaces
from brightfield.tensors import Images

# In a network of more weighted operations than so many, one after another, the first is a stem.
_DEEP = 8


@dataclass(slots=True, eq=False)
class _Finished:
    """A call of a module with weights, as it ended; `moves` the score: at a place of the image its
    gradient isn't 0."""

    tap: Tap
    places: Coordinates
    shape: tuple[int, ...]
    node: Any
    moves: bool = False

    def note(self, gradient: Tensor) -> None:
        there = ~(self.places.y.isnan() | self.places.x.isnan())
        self.moves = bool(((gradient != 0) & there.to(gradient.device)).any())


@dataclass(frozen=True, slots=True)
class SpatialTap:
    """A layer with places, and how it is read as maps."""

    tap: Tap
    layout: MapLayout


def last_spatial_layer(
    module: nn.Module,
    sample: Images,
    score: Callable[[Any], Tensor] | None = None,
    cut: Rewrite | None = None,
    stated: StatedAxes | None = None,
) -> SpatialTap:
    """The layer whose maps Grad-CAM weighs by default: the last one with places before the head.

    Of the calls of modules with weights, the last to finish that has several places, where a
    further weighted operation lies between it and the `score` (default: the whole output), so it
    isn't the output itself: `layer4` of a ResNet, `features` of a Swin transformer. The score must
    move with its places: behind the last attention of a transformer with a class token it doesn't.
    What only gates another path (a sigmoid or softmax that it is multiplied by), or has one
    channel, doesn't count if there is another. If all that is known is a network's stem, there is
    no such layer.

    Raises `UnknownLayer` if no layer has places.
    """
    with torch.enable_grad():
        with suppress(Exception):  # it may take one image only; what else is wrong shows below
            return _last(module, sample[:1].repeat(2, 1, 1, 1), score, cut, stated)
        return _last(module, sample[:1].clone(), score, cut, stated)


def _last(
    module: nn.Module,
    images: Images,
    score: Callable[[Any], Tensor] | None,
    cut: Rewrite | None,
    stated: StatedAxes | None,
) -> SpatialTap:
    try:
        seen = _watched(module, images, cut, gradients=True)
    except RuntimeError:  # autograd may refuse what the network does in place
        seen = _watched(module, images, cut, gradients=False)
    try:
        scores = _default_score(seen.output) if score is None else score(seen.output)
        return _best(seen, scores, (images.shape[-2], images.shape[-1]), stated)
    finally:
        seen.forget()


def _best(
    seen: _Seen, scores: Tensor, size: tuple[int, int], stated: StatedAxes | None
) -> SpatialTap:
    single = None
    for one in _preferred(seen, scores):
        layout = layout_for(one.places, one.shape, size, seen.places.lost, stated)
        if not isinstance(layout, MapLayout) or not layout.spatial:
            continue
        if layout.channels(one.shape) > 1:
            return SpatialTap(one.tap, layout)
        single = single or SpatialTap(one.tap, layout)
    if single is None:
        raise UnknownLayer("No layer of the model has spatial maps; name a layer.")
    return single


@dataclass(frozen=True, slots=True)
class _Seen:
    """One pass of `source`: the calls in the order in which they finished, and the output."""

    source: Tensor
    places: FollowedPlaces
    finished: Sequence[_Finished]
    output: Any

    def forget(self) -> None:
        """Let go of autograd's graph. A node there has the hook that notes a gradient, which has
        the call, which has the node: the garbage collector doesn't see through such a circle."""
        for one in self.finished:
            one.node = None


def _watched(module: nn.Module, images: Images, cut: Rewrite | None, *, gradients: bool) -> _Seen:
    finished: list[tuple[str, _Finished | None]] = []
    with ExitStack() as hooks, torch.inference_mode(False), torch.set_grad_enabled(gradients):
        source = images.clone().requires_grad_()
        with FollowedPlaces(source) as places:
            for name, part in module.named_modules():
                if not isinstance(part, torch.jit.ScriptModule):  # which takes no hooks
                    hook = _watching(name, part, places, finished)
                    hooks.callback(part.register_forward_hook(hook).remove)
            output = run(module, source.clone(memory_format=torch.preserve_format), cut)
    return _Seen(source, places, _numbered(finished), output)


def _numbered(finished: Sequence[tuple[str, _Finished | None]]) -> list[_Finished]:
    """Those with places; the last call of a module goes by its name alone."""
    left = Counter(name for name, _ in finished)
    numbers: Counter[str] = Counter()
    found = []
    for name, one in finished:
        left[name] -= 1
        if one is not None:
            one.tap = Tap(name, call=numbers[name] if left[name] else None)
            found.append(one)
        numbers[name] += 1
    return found


def _watching(
    name: str, part: nn.Module, places: FollowedPlaces, finished: list[tuple[str, _Finished | None]]
) -> Callable[..., None]:
    weighs = bool(name) and any(parameter.dim() >= 2 for parameter in part.parameters())

    def hook(part: nn.Module, inputs: object, output: object) -> None:
        first = first_tensor(output)
        known = None if first is None or not weighs else places.of(first)
        if first is None or known is None or first.dim() < 3:
            finished.append((name, None))
            return
        one = _Finished(Tap(name), known, tuple(first.shape), first.grad_fn)
        if first.requires_grad:
            first.register_hook(one.note)  # type: ignore[no-untyped-call]
        finished.append((name, one))

    return hook


def _default_score(output: Any) -> Tensor:
    """Something that depends on every value of an output."""
    leaves = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
    generator = torch.Generator().manual_seed(0)
    parts = [
        (leaf * torch.randn(leaf.shape, generator=generator).to(leaf)).sum()
        for leaf in leaves
        if leaf.is_floating_point()
    ]
    return torch.stack(parts).sum()


def _preferred(seen: _Seen, scores: Tensor) -> Iterator[_Finished]:
    """Those that the score moves with, the best first: with a weighted operation behind them, on
    every way to the score, late."""
    latest = list(reversed(seen.finished))
    if not scores.requires_grad or not _differentiated(scores, seen.source):
        yield from latest
        return
    paths = Paths(scores)
    moving = [one for one in latest if one.moves] or latest
    inner = [one for one in moving if paths.weighted_behind(one.node)]
    late = [one for one in inner if 2 * paths.weighted_behind(one.node) <= paths.depth]
    yield from (one for one in late if paths.on_every_way(one.node))
    deep = paths.depth - 1 if paths.depth > _DEEP else paths.depth
    yield from (one for one in inner if paths.weighted_behind(one.node) < deep)
    if not inner:
        yield from moving


def _differentiated(scores: Tensor, source: Tensor) -> bool:
    """Whether the network lets autograd through; the gradients themselves are noted on the way."""
    try:
        torch.autograd.grad(scores.sum(), source, allow_unused=True)
    except RuntimeError:
        return False
    return True
