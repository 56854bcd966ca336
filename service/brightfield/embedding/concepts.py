"""Concepts: directions in a layer that point to what some vectors have in common, and whether a
score rises along them more often than along directions without a meaning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.embedding.vectors import Vectors
from brightfield.progress import Progress, Step, no_progress

Doubles = NDArray[np.float64]

LEAST = 6
"""Items that a concept or a random set has at least: two are held out of each."""
LEVEL = 0.05
"""Of the tests."""
FEWEST_RUNS = 20
"""Of which a share of 5 % is one: fewer can't show that a random set seldom does as well."""

_HELD_OUT = 1 / 3


@dataclass(frozen=True, slots=True, eq=False)
class ConceptVector:
    """`vector` (D,) of length 1, from counterexamples to examples; and how many of the `held_out`
    items, as many of each kind, it tells apart (`right`)."""

    vector: Doubles
    right: int
    held_out: int

    @property
    def accuracy(self) -> float:
        return self.right / self.held_out

    @property
    def by_chance(self) -> bool:
        """Whether guessing would do as well (binomial test, one-sided)."""
        from scipy.stats import binomtest  # large, and slow to import

        test = binomtest(self.right, self.held_out, alternative="greater")
        return bool(test.pvalue >= LEVEL)


@dataclass(frozen=True, slots=True, eq=False)
class ConceptEvidence:
    """Of each run the concept's vector and that of a random set, and the shares of derivatives that
    are positive along them; `derivatives` (n,) is the mean along the concept's vectors.

    `p` is that of Welch's t-test, two-sided, of the two lists of shares. All runs have the
    concept's items in common, and these lie a little aside by chance, which alone can make p small.
    So `matched` says how many of the random sets differ from their counterexamples, along the mean
    gradient, as much as the concept does: the share in a test of the same runs by permutation.
    """

    concepts: list[ConceptVector]
    randoms: list[ConceptVector]
    scores: Doubles
    random_scores: Doubles
    derivatives: Doubles
    p: float
    matched: float

    @property
    def significant(self) -> bool:
        enough = len(self.scores) >= FEWEST_RUNS
        return enough and self.p < LEVEL and self.matched <= LEVEL


def concept_evidence(
    concept: Vectors,
    others: Vectors,
    gradients: Doubles,
    *,
    runs: int,
    size: int,
    seed: int = 0,
    progress: Progress = no_progress,
) -> ConceptEvidence:
    """Test whether a score depends on a concept, by its `gradients` (n, D) in the vectors' space.

    Each run draws `size` of the concept's vectors and two random sets of as many others. The
    concept's vector tells the concept from the first set, the random one the second set from the
    first. The score of a vector v is the share of gradients g with g . v > 0.
    Source: Kim et al. 2018.
    """
    concepts, randoms = [], []
    middle = gradients.mean(axis=0)
    shifts: list[tuple[float, float]] = []
    for run in range(runs):
        progress(Step(run, runs))
        rng = np.random.default_rng([seed, run])
        chosen = concept[rng.choice(len(concept), size, replace=False)]
        drawn = others[rng.choice(len(others), 2 * size, replace=False)]
        concepts.append(concept_vector(chosen, drawn[:size], rng))
        randoms.append(concept_vector(drawn[size:], drawn[:size], rng))
        means = [part.mean(axis=0) @ middle for part in (chosen, drawn[size:], drawn[:size])]
        shifts.append((means[0] - means[2], means[1] - means[2]))
    along = gradients @ np.stack([each.vector for each in concepts], axis=1)
    beside = gradients @ np.stack([each.vector for each in randoms], axis=1)
    scores, random_scores = (along > 0).mean(axis=0), (beside > 0).mean(axis=0)
    return ConceptEvidence(
        concepts,
        randoms,
        scores,
        random_scores,
        along.mean(axis=1),
        difference(scores, random_scores),
        _matched(np.array(shifts)),
    )


def _matched(shifts: Doubles) -> float:
    """The share of random sets with a shift (the second column) as large as the concept's mean."""
    return float((np.abs(shifts[:, 1]) >= abs(shifts[:, 0].mean())).mean())


def concept_vector(
    examples: Vectors, counterexamples: Vectors, rng: np.random.Generator
) -> ConceptVector:
    """The normal of a linear classifier, which learns two thirds of the items.

    Logistic regression (L2, C = 1) on vectors divided by the standard deviation of all their
    values, so that its strength doesn't depend on the layer's unit.
    """
    from sklearn.linear_model import LogisticRegression  # large, and slow to import

    held, known = zip(*(_parted(part, rng) for part in (examples, counterexamples)), strict=True)
    train = np.concatenate(known).astype(np.float64)
    labels = np.repeat([1, 0], [len(part) for part in known])
    middle = train.mean(axis=0)
    centred = train - middle
    spread = float(np.sqrt(np.square(centred).mean()))
    if spread == 0:  # nothing differs, and no direction points anywhere
        count = sum(map(len, held))
        return ConceptVector(np.zeros(train.shape[1]), count // 2, count)
    # The solution lies in the span of the items, which has fewer axes than long vectors have.
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    reduced = centred @ axes.T / spread
    classifier = LogisticRegression(max_iter=10_000).fit(reduced, labels)
    vector = classifier.coef_[0] @ axes
    at = [(part - middle) @ vector / spread + classifier.intercept_[0] for part in held]
    right = int((at[0] > 0).sum() + (at[1] <= 0).sum())
    return ConceptVector(vector / np.linalg.norm(vector), right, sum(map(len, held)))


def difference(first: Doubles, second: Doubles) -> float:
    """p of Welch's t-test, two-sided; of constant lists 1 if they are equal, else 0."""
    from scipy.stats import ttest_ind_from_stats  # large, and slow to import

    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return float(first[0] == second[0])
    sums = [(part.mean(), part.std(ddof=1), len(part)) for part in (first, second)]
    return float(ttest_ind_from_stats(*sums[0], *sums[1], equal_var=False).pvalue)


def _parted(vectors: Vectors, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """A third of the vectors, and the others."""
    order = rng.permutation(len(vectors))
    held = round(len(vectors) * _HELD_OUT)
    return vectors[order[:held]], vectors[order[held:]]
