"""The coalitions of regions whose scores are asked for, and how much each of them counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Indices

Members = NDArray[np.bool_]
"""(m, n): which of n regions are visible in each of m coalitions."""


@dataclass(frozen=True, slots=True)
class CoalitionPlan:
    """`members` are m distinct coalitions of n regions, none of them empty or whole.

    `weights` (m,) sum to 1: the Shapley kernel's, (n - 1) / (C(n, s) s (n - s)) for a coalition of
    s regions, where all coalitions of that size are there. The other sizes are drawn: `pairs`
    (k, 2) are the drawn coalitions with their complements, by their rows, and `drawn_weight` is
    what all of them weigh together. Without `pairs` all coalitions are there.
    """

    members: Members
    weights: NDArray[np.float64]
    pairs: Indices
    drawn_weight: float

    @property
    def exact(self) -> bool:
        return not len(self.pairs)


def least_samples(regions: int) -> int:
    """Passes that some estimate needs: the whole image, nothing, every region alone and left out,
    and as many drawn coalitions; fewer where all coalitions are fewer."""
    return 2 if regions == 1 else min(2**regions, 4 * regions + 2)


def planned(regions: int, samples: int, seed: int) -> CoalitionPlan:
    """At most `samples` coalitions of `regions`, the empty and the whole one counted.

    All of them where they are so few. Else all of the sizes s and n - s, from the outermost
    inwards, while a draw of what is left would find each of them once or more (the outermost in any
    case); the rest is drawn by the kernel, each coalition with its complement (Covert and Lee
    2021).
    """
    budget = samples - 2
    if 2**regions <= samples:
        sizes = list(range(1, regions))
        return _plan(regions, sizes, np.zeros((0, regions), np.bool_), 0.0)
    mass = _mass(regions)
    taken: list[int] = []
    left = 1.0
    for size in range(1, regions // 2 + 1):
        both = sorted({size, regions - size})
        count = sum(math.comb(regions, one) for one in both)
        expected = budget * sum(mass[one] for one in both) / left
        if size > 1 and (expected < count or count > budget):
            break
        taken += both
        budget -= count
        left -= sum(mass[one] for one in both)
    drawn = _drawn(regions, taken, mass, budget // 2, seed)
    return _plan(regions, taken, drawn, left)


def _mass(regions: int) -> dict[int, float]:
    """What all coalitions of each size weigh together; all sizes sum to 1."""
    raw = {size: 1 / (size * (regions - size)) for size in range(1, regions)}
    total = sum(raw.values())
    return {size: weight / total for size, weight in raw.items()}


def _drawn(
    regions: int, taken: list[int], mass: dict[int, float], pairs: int, seed: int
) -> Members:
    """(pairs, n): coalitions of the sizes that aren't taken."""
    random = np.random.default_rng(seed)
    sizes = np.array([size for size in mass if size not in taken])
    weights = np.array([mass[int(size)] for size in sizes])
    chosen = random.choice(sizes, pairs, p=weights / weights.sum())
    # The s regions with the least of n random numbers are a random coalition of s.
    ranks = random.random((pairs, regions)).argsort(axis=1).argsort(axis=1)
    members: Members = ranks < chosen[:, None]
    return members


def _plan(regions: int, sizes: list[int], drawn: Members, drawn_weight: float) -> CoalitionPlan:
    """All coalitions of some sizes, and the drawn ones with their complements, each once."""
    mass = _mass(regions)
    known: dict[bytes, int] = {}
    weights: list[float] = []
    rows: list[Members] = []
    for size in sizes:
        for row in _all_of(regions, size):
            known[row.tobytes()] = len(rows)
            rows.append(row)
            weights.append(mass[size] / math.comb(regions, size))
    ends: list[int] = []
    for member in itertools.chain.from_iterable(zip(drawn, ~drawn, strict=True)):
        place = known.setdefault(member.tobytes(), len(rows))
        if place == len(rows):
            rows.append(member)
            weights.append(0.0)
        weights[place] += drawn_weight / (2 * len(drawn))
        ends.append(place)
    pairs = np.array(ends, np.int64).reshape(-1, 2)
    members = np.array(rows, np.bool_).reshape(-1, regions)
    return CoalitionPlan(members, np.array(weights), pairs, drawn_weight)


def _all_of(regions: int, size: int) -> Iterator[Members]:
    for chosen in itertools.combinations(range(regions), size):
        row = np.zeros(regions, np.bool_)
        row[list(chosen)] = True
        yield row
