"""A model with its last layer's weights drawn anew, for the sanity check of explanations.

A weight is drawn anew in one use of it, the one nearest to the score: a layer that runs several
times keeps its own weights in its other calls.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.runtime.operations import Operation, RowSpan
from brightfield.targets import Score
from brightfield.tensors import Images


@dataclass(frozen=True, slots=True)
class WeightUse:
    """One call that reads a weight: of the `total` in a pass the one with this number."""

    weight: str
    number: int
    total: int

    @property
    def layer(self) -> str:
        """The module that owns the weight."""
        return self.weight.rpartition(".")[0]

    @property
    def label(self) -> str:
        """As a reply names it: `head.fc`, or `head.fc@0` where it isn't the last of several."""
        return Tap(self.layer, call=None if self.number + 1 == self.total else self.number).label


@dataclass(frozen=True, slots=True)
class ParameterOverride:
    """Another operation, on the module as if one layer had the `values` in one of its calls; the
    module keeps its own.

    `values` follow from use and seed, so operations of the same two may share a batch.
    """

    operation: Operation
    use: WeightUse
    seed: int
    values: Mapping[str, Tensor] = field(compare=False, repr=False)

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        with _Replaced(module, self.use, self.values, rows.device):
            return self.operation(module, rows, spans)


def last_weight(
    module: nn.Module,
    rows: Images,
    score: Score,
    cut: Rewrite | None = None,
    of: Tap | None = None,
) -> WeightUse | None:
    """The use of a weight that is nearest to a score: the fewest operations before it.

    The score is taken of the output, or of what flows through `of`. A weight has two axes or more;
    None where the score depends on no weight. Of a score that is picked out of many (a box of a
    detector) the weights of the others do not count, whose gradient is 0. The pass is one with
    gradients turned on, of stands for the parameters, so that none of them is asked for one.
    """
    taps = () if of is None else (of,)
    with torch.enable_grad(), _Stands(module) as stands, reading(module, taps) as read:
        output = run(module, rows.clone(), cut)
        scores = score(output if of is None else read[of])
    found = [stands.found[place] for place in _by_distance(scores, stands.found)]
    if not found:
        return None
    moving = (one for one in found if _moves(one[2], scores))
    name, number, _ = next(moving, found[0])
    return WeightUse(name, number, stands.uses[name])


def _moves(weight: Tensor, scores: Tensor) -> bool:
    """Whether the gradient of the scores by a weight is anything but 0."""
    (found,) = torch.autograd.grad(scores.sum(), weight, retain_graph=True, allow_unused=True)
    return found is not None and bool(found.any())


def _by_distance(scores: Tensor, weights: Mapping[int, Any]) -> Iterator[int]:
    """The weights before the scores in autograd's graph, those fewest steps away first."""
    waiting, seen = deque([scores.grad_fn]), {scores.grad_fn}
    while waiting:
        node = waiting.popleft()
        if node is None:
            continue
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) in weights:
            yield id(variable)
        for before, _ in node.next_functions:
            if before not in seen:
                seen.add(before)
                waiting.append(before)


def drawn(module: nn.Module, layer: str, seed: int) -> dict[str, Tensor]:
    """New values of a layer's own parameters: normal, as large on average (root mean square).

    Drawn on the CPU, so that a seed gives the same on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    prefix = f"{layer}." if layer else ""
    values = {}
    for name, parameter in module.get_submodule(layer).named_parameters(recurse=False):
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        size = float(parameter.detach().double().square().mean().sqrt())
        values[prefix + name] = (noise * size).to(parameter.dtype)
    return values


class _OfParameters(TorchFunctionMode):
    """While it is open, calls may see something else in place of parameters, use by use.

    A use is a call that is given the parameter and gives a tensor; `uses` counts them by name.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.uses: Counter[str] = Counter()
        self._names = {id(parameter): name for name, parameter in module.named_parameters()}

    def replaced(self, name: str, parameter: Tensor, names: set[str]) -> Tensor:
        """What a call that uses the parameters `names` sees in place of one of them."""
        raise NotImplementedError

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        names = set(self._used([*args, *kwargs.values()]))
        if not names or func.__name__ == "__set__":  # an attribute belongs to the parameter itself
            return func(*args, **kwargs)
        seen_args, seen_kwargs = pytree.tree_map_only(
            Tensor, lambda leaf: self._seen(leaf, names), (tuple(args), dict(kwargs))
        )
        outcome = func(*seen_args, **seen_kwargs)
        if any(isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(outcome)):
            self.uses.update(names)
        return outcome

    def _used(self, values: Sequence[Any]) -> Iterator[str]:
        for value in values:
            if isinstance(value, Tensor) and id(value) in self._names:
                yield self._names[id(value)]
            elif isinstance(value, list | tuple):
                yield from self._used(value)

    def _seen(self, leaf: Tensor, names: set[str]) -> Tensor:
        name = self._names.get(id(leaf))
        return leaf if name is None else self.replaced(name, leaf, names)


class _Stands(_OfParameters):
    """Every use sees a leaf of its own; `found` has (name, number, leaf) of the weights' uses."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.found: dict[int, tuple[str, int, Tensor]] = {}

    def replaced(self, name: str, parameter: Tensor, names: set[str]) -> Tensor:
        stand = parameter.detach().requires_grad_(parameter.is_floating_point())
        if stand.dim() >= 2:
            self.found[id(stand)] = (name, self.uses[name], stand)
        return stand


class _Replaced(_OfParameters):
    """The one use of a weight sees other values, those of what else the call uses of its layer."""

    def __init__(
        self,
        module: nn.Module,
        use: WeightUse,
        values: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        super().__init__(module)
        self._use = use
        self._values = {name: value.to(device) for name, value in values.items()}

    def replaced(self, name: str, parameter: Tensor, names: set[str]) -> Tensor:
        meant = self._use.weight in names and self.uses[self._use.weight] == self._use.number
        return self._values.get(name, parameter) if meant else parameter
