"""Shapley values from the scores of coalitions, and how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.explain.shapley.coalitions import CoalitionPlan, Members

Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShapleyValues:
    """`values` (T, n) of n regions for T targets, and their standard errors, None where all
    coalitions were scored."""

    values: Amounts
    errors: Amounts | None


def shapley_values(
    plan: CoalitionPlan, scores: Amounts, empty: Amounts, whole: Amounts
) -> ShapleyValues:
    """The values from the `scores` (m, T) of the plan's coalitions, those of the `empty` one (T,)
    and of the `whole` one (T,).

    All coalitions: phi_j = mean over orders of what j adds to those before it. Else the weighted
    least squares of `fitted`, with standard errors by the sandwich of the drawn pairs.
    """
    if plan.exact:
        return ShapleyValues(_by_enumeration(plan.members, scores, empty, whole), None)
    values = fitted(plan.members, plan.weights, scores, empty, whole)
    return ShapleyValues(values, _errors(plan, scores - empty, values))


def fitted(
    members: Members, weights: Amounts, scores: Amounts, empty: Amounts, whole: Amounts
) -> Amounts:
    """(T, n): argmin over phi of sum w (score - empty - phi . z)^2, with sum phi = whole - empty.

    z (m, n) are the members. Where the coalitions don't determine phi, the least one. Source:
    Lundberg and Lee 2017.
    """
    count = members.shape[1]
    inverse = _constrained(members, weights)
    even = np.outer(whole - empty, np.full(count, 1 / count))
    z = members.astype(np.float64)
    residuals = scores - empty - z @ even.T
    values: Amounts = even + (inverse @ ((z * weights[:, None]).T @ residuals)).T
    return values


def _constrained(members: Members, weights: Amounts) -> Amounts:
    """(n, n): the inverse of sum w z z^T among the vectors that sum to 0."""
    count = members.shape[1]
    centred = members - members.mean(axis=1, keepdims=True)
    normal = (centred * weights[:, None]).T @ centred
    inverse: Amounts = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
    assert inverse.shape == (count, count)
    return inverse


def _errors(plan: CoalitionPlan, gains: Amounts, values: Amounts) -> Amounts:
    """(T, n): sqrt of the diagonal of M cov(g) M / k, for k drawn pairs.

    M is the inverse of the normal matrix, and g a pair's term of the normal equations at the
    solution. Few pairs are a small sample, so the covariance is taken with k - min(n, k / 2)
    degrees of freedom. What is enumerated has no error.
    """
    pairs, count = len(plan.pairs), plan.members.shape[1]
    inverse = _constrained(plan.members, plan.weights)
    z = plan.members.astype(np.float64)
    freedom = pairs - min(count, pairs / 2)
    errors = np.empty_like(values)
    for target, own in enumerate(values):
        terms = z * (gains[:, target] - z @ own)[:, None]
        drawn = plan.drawn_weight * terms[plan.pairs].mean(axis=1)
        moved = (drawn - drawn.mean(axis=0)) @ inverse
        errors[target] = np.sqrt((moved**2).sum(axis=0) / freedom / pairs)
    return errors


def _by_enumeration(members: Members, scores: Amounts, empty: Amounts, whole: Amounts) -> Amounts:
    """(T, n): sum over coalitions S without j of |S|! (n - |S| - 1)! / n! * what j adds to S."""
    count = members.shape[1]
    bits = 1 << np.arange(count)
    table = np.empty((1 << count, len(empty)))
    table[0], table[-1] = empty, whole
    table[members @ bits] = scores
    everyone = np.arange(1 << count)
    sizes = ((everyone[:, None] & bits) > 0).sum(axis=1)
    share = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    values = np.empty((len(empty), count))
    for region, bit in enumerate(bits):
        without = everyone[(everyone & bit) == 0]
        values[:, region] = share[sizes[without]] @ (table[without | bit] - table[without])
    return values
