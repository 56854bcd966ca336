"""Occlusion of networks drawn at random: whatever the engine, the map is that of plain passes.

    BRIGHTFIELD_GRAPHS=5000 pytest -s -m slow tests/explain/test_random_graphs.py

draws so many networks and reports what became of them (default: as many as a minute has room for).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from brightfield.errors import Unexplainable
from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.occlusion import Occlusion
from brightfield.models.incremental import IncrementalPlan, trace

from ..toys.random_graphs import drawn
from .conftest import Bench, case

# Of the range of a map's scores. Plain passes in batches of other sizes differ by rounding, too.
_ALLOWED = 1e-4
_ROUNDED = 1e-2
# What a plan that is wrong at its root would be refused with.
_WRONG = ("on crops", "fails")


@dataclass(frozen=True)
class Compared:
    """What became of one network: the engine that `auto` took, and the greatest difference from
    plain passes by the range of the scores, of `auto` and of `incremental` (None: refused)."""

    engine: str
    automatic: float
    incremental: float | None
    refusal: str
    notes: tuple[str, ...]


def compared(bench: Bench, seed: int) -> Compared:
    """Raises `AssertionError` for a plan that only its trial on crops found to be wrong."""
    network, image = drawn(seed)
    subject = case(network, image)
    resident = bench.resident(subject)

    def mapped(engine: str) -> OcclusionMap:
        method = Occlusion(engine=engine, target="0,1,2,3")  # type: ignore[arg-type]
        *_, last = method(bench.probe(method, subject, resident), subject.images)
        assert isinstance(last.result, OcclusionMap)
        return last.result

    plain, automatic = mapped("plain"), mapped("auto")
    refusal, incremental = "", None
    try:
        incremental = difference(mapped("incremental"), plain)
    except Unexplainable as fault:
        refusal = fault.detail
    assert not any(word in refusal for word in _WRONG), refusal
    assert (
        not automatic.notes
        or "other scores" not in automatic.notes[0].detail
        or (
            (incremental or 0) < 1e-2  # rounding alone, of scores that hardly change
        )
    ), automatic.notes
    notes = tuple(note.code for note in automatic.notes)
    engine, differs = automatic.facts["engine"], difference(automatic, plain)
    assert engine == "incremental" or differs <= _ROUNDED
    return Compared(
        engine, differs if engine == "incremental" else 0.0, incremental, refusal, notes
    )


def difference(found: OcclusionMap, plain: OcclusionMap) -> float:
    assert found.scores is not None
    assert plain.scores is not None
    largest = 0.0
    for one, other, base in zip(found.scores, plain.scores, plain.base, strict=True):
        spread = np.ptp(np.append(other, base))
        worst = np.abs(one - other).max()
        rounding = 64 * np.finfo(np.float32).eps * np.abs(other).max()
        if worst > rounding or spread > 100 * rounding:  # a range that is more than rounding
            largest = max(largest, float(worst / max(spread, rounding)))
    return largest


@pytest.mark.parametrize("seed", range(12))
def test_a_map_is_that_of_plain_passes(bench: Bench, seed: int) -> None:
    found = compared(bench, seed)
    assert found.automatic <= _ALLOWED


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_thousands_of_networks(bench: Bench) -> None:
    wanted, began = os.environ.get("BRIGHTFIELD_GRAPHS"), time.monotonic()
    first = int(os.environ.get("BRIGHTFIELD_FIRST_GRAPH", "1000"))
    outcomes: Counter[str] = Counter()
    largest: dict[str, float] = {"auto": 0.0, "incremental": 0.0}
    failures = []
    for seed in range(first, first + int(wanted or 100_000)):
        if wanted is None and time.monotonic() - began > 50:
            break
        try:
            found = compared(bench, seed)
        except Exception as failure:  # which is what is looked for
            failures.append((seed, repr(failure)[:300]))
            print("FAILED", *failures[-1], flush=True)
            continue
        outcomes[f"auto: {found.engine}"] += 1
        outcomes["incremental: " + (found.refusal[:60] or "answered")] += 1
        outcomes.update(found.notes)
        largest["auto"] = max(largest["auto"], found.automatic)
        largest["incremental"] = max(largest["incremental"], found.incremental or 0.0)
        if found.automatic > _ALLOWED:
            failures.append((seed, f"auto differs by {found.automatic:.2g} of the range"))
            print("FAILED", *failures[-1], flush=True)
        if seed % 250 == 249:
            print(f"{seed + 1 - first} networks", largest, flush=True)
    print(f"\n{sum(v for k, v in outcomes.items() if k.startswith('auto'))} networks", largest)
    for outcome, count in outcomes.most_common():
        print(f"{count:6} {outcome}")
    assert not failures


def test_drawn_networks_are_not_all_refused() -> None:
    plans = [trace(*drawn(seed)) for seed in range(20)]
    assert sum(isinstance(plan, IncrementalPlan) for plan in plans) >= 8
