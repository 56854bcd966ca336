"""The ways from a score back through autograd's graph: what lies on them, and what only gates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from torch import Tensor, nn

# Products with weights. Of others both factors may come from the image, as in attention.
_WEIGHTED = ("Addmm", "Mm", "Linear", "MkldnnLinear", "Addmv", "Mv")
_PRODUCTS = ("Bmm", "Baddbmm")
# What a gate ends in, before it is multiplied by what it gates.
_GATES = ("Sigmoid", "Hardsigmoid", "Softmax", "SafeSoftmax")
# What moves or scales values and leaves a gate one.
_MOVING = (
    "Alias", "Clone", "Div", "Expand", "NativeDropout", "Permute", "Repeat", "Reshape",
    "ReshapeAlias", "Select", "Slice", "Split", "Squeeze", "T", "ToCopy", "Transpose", "Unbind",
    "UnsafeView", "Unsqueeze", "UpsampleBilinear2D", "UpsampleNearest2D", "View",
)  # fmt: skip


class Paths:
    """The ways back from scores to the image; those into a gate don't count, if there are others.

    A weighted operation makes its values with weights: a convolution, a linear layer.
    """

    def __init__(self, scores: Tensor) -> None:
        alive = _leading_to_the_image(scores.grad_fn)
        self._sources = {node: _trunk(node, alive) for node in alive}
        order = _ordered(scores.grad_fn, self._sources)
        self._weighing = {node for node in order if _weighs(node, alive)}
        self._behind = self._weighted_behind(order)
        self._share = self._shares(order)

    def weighted_behind(self, node: Any) -> int:
        """How many weighted operations lie between a value and the scores, on the longest way."""
        return self._behind.get(node, 0)

    def on_every_way(self, node: Any) -> bool:
        """Whether all ways go through a value's operation."""
        return self._share.get(node, 0) == 1

    @property
    def depth(self) -> int:
        """Weighted operations on the longest way."""
        return max((self._behind[node] + (node in self._weighing) for node in self._behind),
                   default=0)  # fmt: skip

    def _weighted_behind(self, order: Sequence[Any]) -> dict[Any, int]:
        behind: dict[Any, int] = dict.fromkeys(order, 0)
        for node in order:
            count = behind[node] + (node in self._weighing)
            for source in self._sources[node]:
                behind[source] = max(behind[source], count)
        return behind

    def _shares(self, order: Sequence[Any]) -> dict[Any, Fraction]:
        """The part of all ways that goes through each operation."""
        here = dict.fromkeys(order, 0)
        there = dict.fromkeys(order, 0)
        here[order[0]] = 1
        for node in order:
            for source in self._sources[node]:
                here[source] += here[node]
        for node in reversed(order):
            there[node] = 1 if _is_image(node) else sum(there[s] for s in self._sources[node])
        total = there[order[0]]
        return {node: Fraction(here[node] * there[node], max(1, total)) for node in order}


def _ordered(end: Any, sources: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """The operations, each before those that its values come from."""
    found: list[Any] = []
    seen = set()
    waiting = [(end, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            found.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(source, False) for source in sources.get(node, ())]
    return found[::-1]


def _weighs(node: Any, alive: Collection[Any]) -> bool:
    name = operation(node)
    if "Conv" in name or name in _WEIGHTED:
        return True
    return name in _PRODUCTS and sum(source in alive for source in _inputs(node)) == 1


def _trunk(node: Any, alive: Collection[Any]) -> list[Any]:
    """Where a value comes from, without what gates it."""
    sources = [source for source in _inputs(node) if source in alive]
    if len(sources) < 2 or operation(node) not in ("Mul", "Add", *_PRODUCTS):
        return sources
    return [source for source in sources if not _gates(source)] or sources


def operation(node: Any) -> str:
    """Such as `Mm`, of autograd's `MmBackward0`."""
    name: str = node.name()
    return name.rpartition("::")[2].partition("Backward")[0]


def _inputs(node: Any) -> list[Any]:
    return [source for source, _ in node.next_functions if source is not None]


def ancestors(node: Any) -> Iterator[Any]:
    """A value's own operation, and all that it comes from."""
    waiting, seen = [node], {node}
    while waiting:
        current = waiting.pop()
        if current is None:
            continue
        yield current
        waiting += [source for source in _inputs(current) if source not in seen]
        seen.update(_inputs(current))


def _leading_to_the_image(end: Any) -> set[Any]:
    """The operations whose values depend on the image, a leaf that is no parameter."""
    uses: dict[Any, list[Any]] = {}
    alive = []
    for node in ancestors(end):
        for source in _inputs(node):
            uses.setdefault(source, []).append(node)
        if _is_image(node):
            alive.append(node)
    found = set(alive)
    while alive:
        for node in uses.get(alive.pop(), ()):
            if node not in found:
                found.add(node)
                alive.append(node)
    return found


def _is_image(node: Any) -> bool:
    variable = getattr(node, "variable", None)
    return variable is not None and not isinstance(variable, nn.Parameter)


def _gates(node: Any) -> bool:
    """Whether a factor, or a summand, is a gate, perhaps with a weight for each channel."""
    while operation(node) in _MOVING or (operation(node) == "Mul" and _is_scaled(node)):
        sources = _inputs(node)
        if not sources:
            return False
        node = sources[0]
    return operation(node) in _GATES


def _is_scaled(node: Any) -> bool:
    """Whether a product is one with parameters, or with constants."""
    others = _inputs(node)[1:]
    return all(isinstance(getattr(other, "variable", None), nn.Parameter) for other in others)
