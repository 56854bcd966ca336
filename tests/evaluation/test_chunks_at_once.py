"""Chunks that several writers post at once make the report that one writer makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brightfield.errors import RepeatedId
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress
from brightfield.store.database import open_database
from brightfield.store.runs import RunStore

CHUNKS, ROWS, WRITERS = 24, 7, 4


@pytest.fixture(params=["sqlite", "postgresql"])
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EvaluationRuns]:
    url = f"sqlite:///{tmp_path / 'brightfield.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    engine = open_database(url)
    limits = DataLimits(Limits(10**7), 10**7)
    yield EvaluationRuns(RunStore(engine), catalog(), limits)
    engine.dispose()


def chunk(number: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(number)
    truth = rng.integers(0, 2, ROWS)
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.3), 0, 1)
    return {"truth": truth.tolist(), "scores": scores.tolist(),
            "ids": [f"{number}/{row}" for row in range(ROWS)]}  # fmt: skip


def test_the_report_is_that_of_one_writer(runs: EvaluationRuns) -> None:
    evaluation = catalog()["classification"].model_validate({"ci": {"resamples": 50}})
    together, alone = (runs.create(evaluation, None)[0].id for _ in range(2))
    refused: list[type[Exception]] = []

    def write(first: int) -> None:
        for number in range(first, CHUNKS, WRITERS):
            for _ in range(2):  # as one who isn't sure whether it arrived
                runs.put(together, str(number), evaluation, chunk(number), no_progress)
            try:  # the same rows once more, under another name
                runs.put(together, f"{number}again", evaluation, chunk(number), no_progress)
            except RepeatedId as fault:
                refused.append(type(fault))

    threads = [threading.Thread(target=write, args=(first,)) for first in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(CHUNKS):
        runs.put(alone, str(number), evaluation, chunk(number), no_progress)
    assert refused == [RepeatedId] * CHUNKS
    one, two = (runs.report(run, no_progress) for run in (together, alone))
    assert one.pop("run")["rows"] == two.pop("run")["rows"] == CHUNKS * ROWS
    assert one == two
