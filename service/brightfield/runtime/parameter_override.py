"""A model with its last layer's weights drawn anew, for the sanity check of explanations."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from brightfield.models.inspection.layers import Tap, reading
from brightfield.runtime.operations import Operation, RowSpan, bypassed
from brightfield.targets import Score
from brightfield.tensors import Images


@dataclass(frozen=True, slots=True)
class ParameterOverride:
    """Another operation, on the module as if one layer had the `values`; the module keeps its own.

    `values` follow from layer and seed, so operations of the same two may share a batch.
    """

    operation: Operation
    layer: str
    seed: int
    values: Mapping[str, Tensor] = field(compare=False, repr=False)

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        values = {name: value.to(rows.device) for name, value in self.values.items()}
        return self.operation(_Stand(module, values), rows, spans)


class _Stand(nn.Module):
    """Stands for a module, under other values of some of its parameters."""

    def __init__(self, module: nn.Module, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._stood_for = [module]  # in a list, which makes it no part of this one
        self._values = dict(values)

    def forward(self, *args: Any) -> Any:
        return functional_call(self._stood_for[0], self._values, args)

    def get_submodule(self, target: str) -> nn.Module:
        return self._stood_for[0].get_submodule(target)


def last_layer(
    module: nn.Module, rows: Images, score: Score, cut: str | None = None, of: Tap | None = None
) -> str | None:
    """The name of the weighted layer nearest to a score: the fewest operations before it.

    The score is taken of the output, or of what flows through `of`. A weight has two axes or more;
    None where the score depends on no weight. Of a score that is picked out of many (a box of a
    detector) the weights of the others do not count, whose gradient is 0. The pass is one with
    gradients turned on, of stands for the parameters, so that none of them is asked for one.
    """
    stands = {
        name: parameter.detach().requires_grad_(parameter.is_floating_point())
        for name, parameter in module.named_parameters()
    }
    taps = () if of is None else (of,)
    with torch.enable_grad(), bypassed(module, cut), reading(module, taps) as read:
        output = functional_call(module, stands, (rows.clone(),))
        scores = score(output if of is None else read[of])
    weights = {id(stand): name for name, stand in stands.items() if stand.dim() >= 2}
    names = list(_by_distance(scores, weights))
    if not names:
        return None
    moving = (name for name in names if _moves(stands[name], scores))
    return next(moving, names[0]).rpartition(".")[0]


def _moves(weight: Tensor, scores: Tensor) -> bool:
    """Whether the gradient of the scores by a weight is anything but 0."""
    (found,) = torch.autograd.grad(scores.sum(), weight, retain_graph=True, allow_unused=True)
    return found is not None and bool(found.any())


def _by_distance(scores: Tensor, weights: Mapping[int, str]) -> Iterator[str]:
    """The weights before the scores in autograd's graph, those fewest steps away first."""
    waiting, seen = deque([scores.grad_fn]), {scores.grad_fn}
    while waiting:
        node = waiting.popleft()
        if node is None:
            continue
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) in weights:
            yield weights[id(variable)]
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
