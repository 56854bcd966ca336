from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from brightfield.runtime.stage_seconds import StageSeconds

BOUNDS = (0.001, 0.01, 0.1, 1)


def series(registry: CollectorRegistry) -> dict[str, float]:
    lines = generate_latest(registry).decode().splitlines()
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in told if "_created" not in name}


def test_the_series_are_those_of_prometheus_own_histogram() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    stages = StageSeconds("stage_seconds", "By stage.", BOUNDS)
    ours.register(stages)
    usual = Histogram("stage_seconds", "By stage.", ("stage",), buckets=BOUNDS, registry=theirs)
    drawn = np.random.default_rng(0).choice([*BOUNDS, 0.0, 0.005, 3.0], size=5000).tolist()
    for place, value in enumerate(drawn):  # more than wait at once
        stages.observe({"decode": value, **({"forward": 2 * value} if place % 2 else {})})
        usual.labels("decode").observe(value)
        if place % 2:
            usual.labels("forward").observe(2 * value)
    found, expected = series(ours), series(theirs)
    assert found.keys() == expected.keys()
    assert all(np.isclose(found[name], value) for name, value in expected.items())
