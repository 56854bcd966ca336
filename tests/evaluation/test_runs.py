"""Runs in a store, among them those that an earlier version left."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from brightfield import __version__
from brightfield.errors import ChunkConflict
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.evaluation import DataLimits
from brightfield.outages import DamagedChunk
from brightfield.progress import no_progress
from brightfield.store import tables
from brightfield.store.database import open_database, writing
from brightfield.store.runs import RunStore, StoredChunk

LIMITS = DataLimits(Limits(10**7), 10**7)
MASK = [[0, 1, 1], [0, 0, 1]]
PAIRS = [
    {"id": "a", "truth": {"array": MASK}, "prediction": {"array": [[0, 1, 0], [0, 0, 1]]}},
    {"id": "b", "truth": {"array": MASK}, "prediction": None},
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'brightfield.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def runs(engine: sa.Engine) -> EvaluationRuns:
    return EvaluationRuns(RunStore(engine), catalog(), LIMITS)


def started(runs: EvaluationRuns) -> tuple[str, Any]:
    evaluation = catalog()["segmentation"].model_validate({"ci": {"method": "none"}})
    return runs.create(evaluation, None)[0].id, evaluation


def put_with_images(runs: EvaluationRuns, run: str, key: str, pairs: list[dict[str, Any]]) -> str:
    """Adds a chunk as a version did that kept the images; its digest."""
    frame = {"ids": True, "groups": False}
    texts = [
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        for value in (frame, {"pairs": pairs})
    ]
    digest, payload = hashlib.sha256(b"".join(texts)).hexdigest(), zlib.compress(texts[1], 1)
    ids = [pair["id"] for pair in pairs]
    kept = StoredChunk(digest, "application/json+deflate", len(pairs), frame, ids, payload)
    runs.store.put(run, key, kept, lambda _, new: new)
    return digest


def test_chunks_with_images_and_measured_ones_report_together(runs: EvaluationRuns) -> None:
    run, evaluation = started(runs)
    put_with_images(runs, run, "1", PAIRS[:1])
    assert runs.put(run, "2", evaluation, {"pairs": PAIRS[1:]}, no_progress)[1]
    report = runs.report(run, no_progress)
    assert report.pop("run")["rows"] == 2
    assert report.pop("made")["brightfield"] == __version__
    once = evaluation.evaluate({"pairs": PAIRS}, LIMITS, no_progress)
    assert report == {**once, "excluded": [{"id": "b", "reason": "missing_image"}]}


def test_a_chunk_with_images_that_comes_again_counts_once(runs: EvaluationRuns) -> None:
    run, evaluation = started(runs)
    digest = put_with_images(runs, run, "1", PAIRS)
    same = [{**pair, "truth": {"array": [[0.0, 1, 1], [0, 0, 1]]}} for pair in PAIRS[:1]]
    entry, new = runs.put(run, "1", evaluation, {"pairs": same + PAIRS[1:]}, no_progress)
    assert (entry.sha256, entry.rows, new) == (digest, 2, False)
    other = [{**pair, "truth": {"array": [[0, 1, 1], [0, 1, 1]]}} for pair in PAIRS]
    with pytest.raises(ChunkConflict):
        runs.put(run, "1", evaluation, {"pairs": other}, no_progress)
    assert runs.report(run, no_progress)["run"]["rows"] == 2


def test_a_damaged_chunk_is_named(runs: EvaluationRuns, engine: sa.Engine) -> None:
    run, evaluation = started(runs)
    runs.put(run, "fold 1/b", evaluation, {"pairs": PAIRS}, no_progress)
    with writing(engine) as connection:
        connection.execute(sa.update(tables.run_chunks).values(payload=b"x"))
    with pytest.raises(DamagedChunk, match="'fold 1/b'"):
        runs.report(run, no_progress)
