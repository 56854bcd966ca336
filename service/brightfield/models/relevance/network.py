"""The relevance of the input's values for a score, from the last call of a network to the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from brightfield.errors import Unexplainable
from brightfield.models.incremental.graph import needed
from brightfield.models.incremental.recording import (
    INPUT,
    RecordedCall,
    RecordedValue,
    Recording,
    Unrecordable,
    record,
)
from brightfield.models.relevance.affine import Affine, affine, scaling
from brightfield.models.relevance.padding import JoinedPadding
from brightfield.models.relevance.rules import STABILISER, RelevanceRule
from brightfield.models.relevance.steps import (
    ACTIVATIONS,
    CONSTANT,
    MOVING,
    OTHERS,
    SUMMING,
    CallValues,
    Ended,
    Passed,
    RelevanceStep,
    Relocated,
    Summed,
    Unruled,
    Weighted,
    run_call,
)
from brightfield.targets import Score
from brightfield.tensors import Images, Scores


@dataclass(frozen=True, slots=True)
class RuleSet:
    """By which rule each kind of layer hands relevance back; `sums` stabilises sums and means."""

    convolution: RelevanceRule
    dense: RelevanceRule
    sums: float = STABILISER

    def of(self, layer: Affine) -> RelevanceRule:
        return self.dense if layer.dense else self.convolution


class Relevance(NamedTuple):
    """`values` (1, C, H, W) of the input, with the `scores` (1,) that they are of; `constants` (1,)
    is what biases and other constants were given."""

    scores: Scores
    values: Tensor
    constants: Tensor


def relevance(
    run: Callable[[Images], Any], rows: Images, score: Score, rules: RuleSet
) -> Relevance:
    """How a score of the output of `run` for one row is made up of the row's values.

    The network is recorded, call by call, and computed again with every value kept. The score's
    relevance for the output is output x d score / d output. Batch normalisation and constant
    scales behind a layer with weights count as part of it.

    Raises `Unexplainable` for a call without a rule, by its name, for a network that can't be
    recorded, and for a score that isn't a weighted sum of the output, such as a cosine.
    """
    with torch.inference_mode(False), torch.no_grad():
        recording, own = _recorded(run, rows)
        values = _computed(recording, rows)
        output = pytree.tree_map_only(
            RecordedValue, lambda leaf: values[leaf.number], recording.output
        )
        scores, shares = _of_output(output, recording.output, score)
        _check_same(scores, score(own), output)
        found = dict(shares)
        constants = torch.zeros((), dtype=torch.float64, device=rows.device)
        for step in reversed(_steps(recording, rules)):
            there = [None if n is None else found.pop(n, None) for n in step.outputs]
            if all(each is None or not each.any() for each in there):
                continue
            given = step.back(values, there)
            constants = constants + given.constants
            for number, share in given.parts:
                known = found.get(number)
                found[number] = share if known is None else known + share
        return Relevance(scores, found.get(INPUT, torch.zeros_like(rows)), constants[None])


def _recorded(run: Callable[[Images], Any], rows: Images) -> tuple[Recording, Any]:
    """The calls of one pass, and its output."""
    outputs = []

    def joined(images: Images) -> Any:
        with JoinedPadding():
            outputs.append(run(images))
        return outputs[0]

    try:
        return record(joined, rows, constants=True), outputs[0]
    except Unrecordable as fault:
        raise Unexplainable(
            f"LRP follows the network call by call, and it can't, because {fault}. {OTHERS}"
        ) from None


def _computed(recording: Recording, rows: Images) -> CallValues:
    """Every value of the network for these rows."""
    values: dict[int, Any] = {INPUT: rows.clone(memory_format=torch.preserve_format)}
    for call in needed(recording.calls, recording.output):
        results = zip(call.outputs, run_call(call, values), strict=True)
        values.update((number, result) for number, result in results if number is not None)
    return values


def _of_output(output: Any, numbers: Any, score: Score) -> tuple[Scores, list[tuple[int, Tensor]]]:
    """The score, and what it gives each value of the output."""
    leaves, tree = pytree.tree_flatten(output)
    marked = [_differentiable(leaf) for leaf in leaves]
    asked = [leaf for leaf in marked if isinstance(leaf, Tensor) and leaf.requires_grad]
    with torch.enable_grad():
        scores = score(pytree.tree_unflatten(marked, tree))
    if not scores.requires_grad:
        raise Unexplainable(f"The score doesn't depend on the network's output. {OTHERS}")
    found = torch.autograd.grad(scores, asked, torch.ones_like(scores), allow_unused=True)
    gradients = dict(zip(map(id, asked), found, strict=True))
    shares: dict[int, Tensor] = {}
    for leaf, value in zip(marked, pytree.tree_leaves(numbers), strict=True):
        gradient = gradients.get(id(leaf))
        if gradient is not None and isinstance(value, RecordedValue):
            share = leaf.detach() * gradient
            known = shares.get(value.number)
            shares[value.number] = share if known is None else known + share
    _check_sum(scores, list(shares.values()))
    return scores.detach(), list(shares.items())


def _differentiable(leaf: Any) -> Any:
    if isinstance(leaf, Tensor) and leaf.is_floating_point():
        return leaf.detach().requires_grad_()
    return leaf


def _check_sum(scores: Scores, shares: Sequence[Tensor]) -> None:
    total = sum(float(share.double().sum()) for share in shares)
    size = sum(float(share.double().abs().sum()) for share in shares)
    if not abs(total - float(scores.detach().sum())) <= _tolerance(scores) * max(size, 1e-12):
        raise Unexplainable(
            "LRP divides a score that is a weighted sum of the network's outputs, such as a logit, "
            f"and this one isn't. {OTHERS}"
        )


def _check_same(scores: Scores, own: Scores, output: Any) -> None:
    """Against what the network itself says: what was recorded may not be all that it does."""
    leaves = [x for x in pytree.tree_leaves(output) if isinstance(x, Tensor) and x.numel()]
    size = max((float(leaf.abs().max()) for leaf in leaves), default=0.0)
    if not float((scores - own).abs().max()) <= _tolerance(scores) * size:
        raise Unexplainable(
            "The network's calls, repeated one by one, don't give its own score, so LRP can't "
            f"follow it. {OTHERS}"
        )


def _tolerance(scores: Scores) -> float:
    return 1e-3 if scores.dtype in (torch.float32, torch.float64) else 5e-2


def _steps(recording: Recording, rules: RuleSet) -> Sequence[RelevanceStep]:
    """What the output needs of the network, in order."""
    builder = _Builder(recording, rules)
    for call in needed(recording.calls, recording.output):
        builder.add(call)
    return list(builder.steps.values())


class _Builder:
    """Makes steps of calls, and puts what scales the output of a layer into it."""

    def __init__(self, recording: Recording, rules: RuleSet) -> None:
        self.steps: dict[int, RelevanceStep] = {}
        self._rules = rules
        self._reads = Counter(number for call in recording.calls for number in call.inputs)
        leaves = pytree.tree_leaves(recording.output)
        self._reads.update(leaf.number for leaf in leaves if isinstance(leaf, RecordedValue))

    def add(self, call: RecordedCall) -> None:
        first = next(number for number in call.outputs if number is not None)
        self.steps[first] = self._folded(call) or self._made(call)

    def _made(self, call: RecordedCall) -> RelevanceStep:
        layer = affine(call)
        if layer is not None:
            return Weighted(call.outputs, layer, self._rules.of(layer))
        name = call.name.partition(".")[2]
        if scaling(call) is not None or (name in ACTIVATIONS and len(call.inputs) == 1):
            return Passed(call)
        if name in SUMMING:
            return Summed(call, self._rules.sums)
        if name in MOVING:
            return Relocated(call)
        return Ended(call) if name in CONSTANT else Unruled(call)

    def _folded(self, call: RecordedCall) -> RelevanceStep | None:
        """The layer before a scale and shift by channel, with these in it; it has no other use."""
        found = scaling(call)
        before = self.steps.get(call.inputs[0]) if found is not None else None
        if not isinstance(before, Weighted) or self._reads[call.inputs[0]] != 1:
            return None
        shape = call.shapes[0]
        assert found is not None
        assert shape is not None
        layer = before.layer.folded(found, shape)
        if layer is None:
            return None
        del self.steps[call.inputs[0]]
        return Weighted(call.outputs, layer, before.rule)
