"""The rules by which a layer with weights hands relevance back to its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from brightfield.models.relevance.affine import Affine

# What keeps quotients finite where no `epsilon` was asked for.
STABILISER = 1e-6

Modified = Callable[[Tensor], Tensor]


class Given(NamedTuple):
    """What a call hands back: to every value that it reads, and to what doesn't depend on the
    image (biases and other constants)."""

    parts: Sequence[tuple[int, Tensor]]
    constants: Tensor


class RulePart(NamedTuple):
    """One of the layers whose sum a rule divides by: with some of the inputs, of the weights, and
    of the bias (None: without it)."""

    inputs: Modified
    weight: Modified
    bias: Modified | None


@dataclass(frozen=True, slots=True)
class RelevanceRule:
    """R_i = sum over j of the parts' x_i w_ij R_j / (z_j + stabiliser sign(z_j)), with z_j the sum
    of the parts and of their biases.

    With `negative` the parts where the layer's own output is below 0 are others than `parts`.
    """

    parts: Sequence[RulePart]
    negative: Sequence[RulePart] = ()
    stabiliser: float = STABILISER

    def without_biases(self) -> RelevanceRule:
        """The rule with sums without biases, which get nothing, so that the inputs get all."""
        parts = [part._replace(bias=None) for part in self.parts]
        negative = [part._replace(bias=None) for part in self.negative]
        return replace(self, parts=parts, negative=negative)

    def back(self, layer: Affine, x: Tensor, relevance: Tensor) -> Given:
        x, relevance = wide(x), wide(relevance)
        if not self.negative:
            return self._shared(layer, x, relevance, self.parts)
        own = layer.apply(x, layer.weight.to(x), _like(layer.bias, x))
        above = self._shared(layer, x, torch.where(own > 0, relevance, 0), self.parts)
        below = self._shared(layer, x, torch.where(own < 0, relevance, 0), self.negative)
        (number, first), (_, second) = above.parts[0], below.parts[0]
        return Given([(number, first + second)], above.constants + below.constants)

    def _shared(
        self, layer: Affine, x: Tensor, relevance: Tensor, parts: Sequence[RulePart]
    ) -> Given:
        """The shares of the input and of the bias."""
        taken = [part.inputs(x).detach().requires_grad_() for part in parts]
        weights = [part.weight(layer.weight.detach().to(x)) for part in parts]
        biases = [_bias(layer.bias, part, x) for part in parts]
        with torch.enable_grad():
            each = zip(taken, weights, biases, strict=True)
            sums = reduce(torch.add, (layer.apply(*one) for one in each))
        known = [bias for bias in biases if bias is not None]
        leaves = [*taken, *known]
        found = torch.autograd.grad(
            sums, leaves, relevance / stable(sums.detach(), self.stabiliser)
        )
        shares = [leaf.detach() * gradient for leaf, gradient in zip(leaves, found, strict=True)]
        given = reduce(torch.add, shares[: len(taken)])
        constants = [share.sum() for share in shares[len(taken) :]]
        return Given([(layer.source, given)], reduce(torch.add, constants, relevance.new_zeros(())))


def epsilon(value: float) -> RelevanceRule:
    """x_i w_ij / (z_j + epsilon sign(z_j)): what contributes more gets more; a larger epsilon
    absorbs what is weak. Source: Bach et al. 2015."""
    return RelevanceRule([RulePart(_all, _all, _all)], stabiliser=value)


def gamma(value: float) -> RelevanceRule:
    """Contributions that agree with the sign of z_j count 1 + gamma times.

    Source: Montavon et al. 2019; with inputs of both signs: Andeol et al. 2021, as zennit has it.
    """
    up, down = partial(_more, value, torch.relu), partial(_more, value, _below)
    return RelevanceRule(
        parts=[RulePart(torch.relu, up, up), RulePart(_below, down, None)],
        negative=[RulePart(torch.relu, down, down), RulePart(_below, up, None)],
    )


def z_plus() -> RelevanceRule:
    """Only positive contributions: x_i+ w_ij+ + x_i- w_ij-. Source: Montavon et al. 2017."""
    return RelevanceRule(
        [RulePart(torch.relu, torch.relu, torch.relu), RulePart(_below, _below, None)]
    )


def stable(sums: Tensor, by: float) -> Tensor:
    """Moved away from 0; 0 itself counts as positive."""
    return sums + torch.where(sums < 0, -by, by)


def wide(values: Tensor) -> Tensor:
    """At least in single precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _all(values: Tensor) -> Tensor:
    return values


def _below(values: Tensor) -> Tensor:
    return values.clamp(max=0)


def _more(by: float, chosen: Modified, values: Tensor) -> Tensor:
    return values + by * chosen(values)


def _like(bias: Tensor | None, x: Tensor) -> Tensor | None:
    return None if bias is None else bias.to(x)


def _bias(bias: Tensor | None, part: RulePart, x: Tensor) -> Tensor | None:
    if bias is None or part.bias is None:
        return None
    return part.bias(bias.detach().to(x)).requires_grad_()
