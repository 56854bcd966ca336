"""How often 95 % intervals hold the true value, and how often comparisons find what is not there.

    nice -n 10 env OMP_NUM_THREADS=1 python benchmarks/coverage.py [--sets 1000] [--only TEXT]
        [--method auto] [--json FILE] [--check]

Each cell draws data sets from a population whose numbers are known, asks the service's own classes
for the report, and counts the intervals that hold the true value among those that there are. The
reasons of intervals that are null are counted as well. Comparisons are of two equally good runs:
counted are the intervals without 0 and the p-values below 0.05. Exchanges of few rows that differ
(`exact p`) have few different p-values, so fewer than 5 % of them are below 0.05. With `--check`
the exit code is 1 where a coverage lies outside 93 to 97 %, or a false-positive rate outside 3 to
7 %, by more than two standard errors of the simulation.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from coverage_cells import Cell, cells

from brightfield.metrics.statistics.confidence import Confidence

BOUNDS = {
    "coverage": (0.93, 0.97),
    "at bound": (0.93, 1.0),  # missed on one side alone
    "warned": (0.0, 1.0),  # a warning of the report names this coverage
    "interval": (0.03, 0.07),
    "p-value": (0.03, 0.07),
    "exact p": (0.0, 0.07),
}


@dataclass
class Count:
    """What became of one number in all data sets."""

    cell: str
    metric: str
    kind: str
    asked: int = 0
    known: int = 0
    hit: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Mapping[str, Any], truth: float) -> None:
        """Count an interval, or why there is none."""
        self.asked += 1
        if entry["ci"] is None:
            self.reasons[str(entry["ci_undefined"])] += 1
            return
        self.known += 1
        inside = entry["ci"][0] <= truth <= entry["ci"][1]
        self.hit += inside != (self.kind == "interval")

    def add_chance(self, p_value: float | None) -> None:
        """Count a p-value."""
        self.asked += 1
        if p_value is None:
            self.reasons["none"] += 1
            return
        self.known += 1
        self.hit += p_value < 0.05

    @property
    def share(self) -> float | None:
        """Of what is known; None where most is null."""
        return self.hit / self.known if 2 * self.known > self.asked else None

    @property
    def holds(self) -> bool:
        if self.share is None:
            return True
        low, high = BOUNDS[self.kind]
        slack = 2 * math.sqrt(0.05 * 0.95 / self.known)
        return low - slack <= self.share <= high + slack

    def show(self) -> str:
        null = ", ".join(f"{n / self.asked:.1%} {why}" for why, n in self.reasons.most_common())
        shown = "null" if self.share is None else f"{self.share:.1%}"
        mark = " " if self.holds else "!"
        return f"{mark} {self.cell:44} {self.metric:22} {self.kind:9} {shown:>6}  {null}"


def run(cell: Cell, sets: int, method: str) -> list[Count]:
    """All numbers of a cell over so many data sets."""
    found = {(m, k): Count(cell.name, m, k) for m in cell.truth for k in cell.kinds}
    for seed in range(sets):
        confidence = Confidence(method=method, resamples=400)  # type: ignore[arg-type]
        numbers = cell.numbers(np.random.default_rng(seed), confidence)
        for (metric, kind), count in found.items():
            if kind in ("p-value", "exact p"):
                count.add_chance(numbers[metric]["p_value"])
            else:
                count.add(numbers[metric], cell.truth[metric])
    return list(found.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    found: list[Count] = []
    for cell in cells():
        if args.only in cell.name or args.only in " ".join(cell.truth):
            counts = run(cell, args.sets, args.method)
            found += counts
            print(*(count.show() for count in counts), sep="\n", flush=True)
    if args.json:
        rows = [{**vars(count), "reasons": dict(count.reasons)} for count in found]
        args.json.write_text(json.dumps(rows, indent=1))
    return int(args.check and not all(count.holds for count in found))


if __name__ == "__main__":
    sys.exit(main())
