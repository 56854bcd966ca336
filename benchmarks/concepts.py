"""How often a test of a concept is wrong: for items with nothing in common, and with a concept.

    python benchmarks/concepts.py [--trials 200] [--dimensions 8 64] [--runs 20]

Vectors are normally distributed. Gradients point along the first axis, with noise. A meaningless
concept is 25 items like all others, a true one lies two standard deviations off along the first
axis; 60 others are the counterexamples. Printed are the shares of trials that Welch's t-test alone
(p < 0.05) and the service (`significant`) call significant.
"""

from __future__ import annotations

import argparse

import numpy as np

from brightfield.embedding.concepts import LEVEL, ConceptEvidence, concept_evidence


def tested(seed: int, dimensions: int, shift: float, runs: int) -> ConceptEvidence:
    rng = np.random.default_rng(seed)
    concept, others = (rng.normal(size=(count, dimensions)) for count in (25, 60))
    concept[:, 0] += shift
    gradients = 0.5 * rng.normal(size=(30, dimensions))
    gradients[:, 0] += 2
    return concept_evidence(
        concept.astype(np.float32), others.astype(np.float32), gradients,
        runs=runs, size=25, seed=seed,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    print("| values | concept | p < 0.05 | significant |\n|---|---|---|---|")
    for dimensions in args.dimensions:
        for name, shift in (("meaningless", 0.0), ("true", 2.0)):
            found = [tested(seed, dimensions, shift, args.runs) for seed in range(args.trials)]
            alone = np.mean([each.p < LEVEL for each in found])
            significant = np.mean([each.significant for each in found])
            print(f"| {dimensions} | {name} | {alone:.2f} | {significant:.2f} |")


if __name__ == "__main__":
    main()
