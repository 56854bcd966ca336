"""A GPU gives the answers of the CPU: each task, each method, each backend."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brightfield import Engine, explain, tasks
from brightfield.errors import BrightfieldError
from brightfield.settings import Settings

from .conftest import FIELD, PHOTOGRAPH

TASKS: dict[str, tuple[Any, Path]] = {
    "classify": (tasks.Classify(top_k=5), PHOTOGRAPH),
    "detect": (tasks.Detect(), FIELD),
    "segment": (tasks.Segment(), FIELD),
    "superresolve": (tasks.Superresolve(), PHOTOGRAPH),
    "embed": (tasks.Embed(), PHOTOGRAPH),
}
METHODS = sorted(explain.catalog())


def payload(engine: Engine, work: Any, image: Path, **view: Any) -> Any:
    return engine.ask(work, image, **view).result.payload("image")


def same(one: Any, other: Any, tolerance: float) -> None:
    """The same structure, with numbers that differ by at most a share of themselves, or of 1."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key], tolerance)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            same(first, second, tolerance)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=tolerance, abs=tolerance)
    else:
        assert one == other


@pytest.mark.parametrize("name", TASKS)
def test_tasks(on_cpu: Engine, on_cuda: Engine, name: str) -> None:
    work, image = TASKS[name]
    if name == "superresolve":
        rasters = [engine.ask(work, image).result.image() for engine in (on_cpu, on_cuda)]
        first, second = (np.asarray(raster, dtype=float) for raster in rasters)
        assert np.abs(first - second).max() <= 1
    else:
        same(payload(on_cpu, work, image), payload(on_cuda, work, image), 1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_methods(on_cpu: Engine, on_cuda: Engine, name: str) -> None:
    method = explain.catalog()[name]()

    def found(engine: Engine) -> Any:
        try:
            return engine.ask(method, PHOTOGRAPH, region=(100, 20, 240, 240)).result
        except BrightfieldError as fault:
            return fault

    first, second = found(on_cpu), found(on_cuda)
    assert type(first) is type(second), (first, second)
    if isinstance(first, BrightfieldError):
        return
    one, other = (np.asarray(each.raster("image").array, dtype=float) for each in (first, second))
    # An arg max or a rectifier at rounding's distance from its edge turns single pixels.
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999
    assert np.median(np.abs(one - other)) <= 1e-3 * np.abs(one).max()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_recorded_passes_under_load(on_cuda: Engine, tmp_path: Path, precision: Any) -> None:
    """Many at once share batches of odd sizes, and each gets its own answer."""
    settings = Settings(device="cuda:0", backend="cuda_graphs", precision=precision, data=tmp_path)
    regions = [(x, y, 224, 224 + side) for x in (0, 60, 120) for y in (0, 40) for side in (0, 30)]
    work = tasks.Classify(top_k=1)
    with Engine(settings) as engine, ThreadPoolExecutor(12) as pool:
        engine.ask(work, PHOTOGRAPH)
        resident = engine.registry.load("imagenet-lite0").result()
        while resident.verdict.progress in ("off", "waiting", "preparing"):
            time.sleep(0.1)
        assert resident.verdict.backend == "cuda_graphs", resident.verdict
        asked = regions * 8
        several = list(pool.map(lambda at: engine.ask(work, PHOTOGRAPH, region=at), asked))
    expected = [on_cuda.ask(work, PHOTOGRAPH, region=at).result.predictions[0] for at in regions]
    for answer, plain in zip(several, expected * 8, strict=True):
        found = answer.result.predictions[0]
        assert found.label == plain.label
        assert found.score == pytest.approx(plain.score, abs=1e-4 if precision == "fp32" else 0.03)
