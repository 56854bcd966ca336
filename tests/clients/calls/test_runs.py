"""Evaluation runs from Python: what is sent, and what the real service makes of it."""

from __future__ import annotations

import asyncio
import io
import json

import httpx2
import numpy as np
import pytest

from brightfield_client import (
    AsyncClient,
    Client,
    ConflictError,
    NotFoundError,
    UnexpectedReply,
    UnprocessableError,
)

FAST = {"method": "none"}
RUN = {
    "id": "run_1", "name": "n", "task": "segmentation", "options": {}, "created": 1.0,
    "touched": 2.0, "chunks": 0, "rows": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def real(service_url):
    with Client(service_url) as made:
        yield made


def test_what_is_sent(client, fake):
    fake.reply = lambda _: httpx2.Response(201, json=RUN)
    run = client.start_run("n", task="segmentation", labels=["a", "b"], tolerance=None)
    assert json.loads(fake.last.content) == {
        "name": "n", "task": "segmentation", "labels": ["a", "b"]
    }  # fmt: skip
    fake.reply = lambda _: httpx2.Response(200, json={"key": "x", "rows": 1, "sha256": "0"})
    mask = np.ones((2, 2), np.uint8)
    assert client.add_chunk(run, "fold 1/x", [mask], predictions=[None], ids=[3]).rows == 1
    assert fake.last.url.raw_path == b"/metrics/runs/run_1/chunks/fold%201%2Fx"
    (pair,) = json.loads(fake.last.content)["pairs"]
    assert (pair["id"], pair["prediction"]) == (3, None)
    client.add_chunk("run_1", "y", [0, 1], [0.5, 0.25])
    assert np.load(io.BytesIO(fake.last.content))["score"].tolist() == [0.5, 0.25]
    fake.reply = lambda _: httpx2.Response(200, json={"detail": "?"})
    for call in (client.run_report, client.run_points, client.run_chunks):
        with pytest.raises(UnexpectedReply):
            call(run)
    with pytest.raises(UnexpectedReply):
        client.compare_runs(run, "run_2", ci={"level": 0.9})
    assert dict(fake.last.url.params) == {"a": "run_1", "b": "run_2", "ci": '{"level": 0.9}'}


def test_a_run_is_started_twice_only_under_a_name(client, fake, pauses):
    def broken(_):
        raise httpx2.ReadError("cut off")

    fake.reply = broken
    for name, tries in ((None, 1), ("n", 3)):
        fake.requests.clear()
        with pytest.raises(Exception, match="cannot be reached"):
            client.start_run(name)
        assert len(fake.requests) == tries


def test_a_run_from_its_start_to_its_end(real):
    rng = np.random.default_rng(0)
    truth, ids = rng.integers(0, 2, 90), np.arange(90)
    runs = []
    for name, noise in (("sdk good", 0.4), ("sdk bad", 1.5)):
        scores = truth + rng.normal(0, noise, 90)
        run = real.start_run(name, ci=FAST, operating_point="youden")
        assert real.start_run(name, ci=FAST, operating_point="youden").id == run.id
        for start in (60, 0, 30, 0):
            part = slice(start, start + 30)
            chunk = real.add_chunk(run, f"from {start}", truth[part], scores[part], ids=ids[part])
            assert (chunk.key, chunk.rows) == (f"from {start}", 30)
        assert [chunk.key for chunk in real.run_chunks(run)] == ["from 0", "from 30", "from 60"]
        report = real.run_report(run.id)
        once = real.metrics(truth, scores, ids=ids, ci=FAST, operating_point="youden")
        assert report.metrics == once.metrics
        assert report.input_sha256 == once.input_sha256
        assert real.run_points(run)["threshold"].size == np.unique(scores).size
        runs.append(run)
    assert [(run.id, run.rows) for run in real.runs(limit=2)] == [(r.id, 90) for r in runs[::-1]]
    found = real.compare_runs(*runs, ci={"method": "auto", "resamples": 50})
    assert found.n == 90
    auroc = found["auroc"]
    assert auroc.difference == auroc.a - auroc.b > 0
    assert auroc.ci[0] < auroc.difference < auroc.ci[1]
    assert f"p = {auroc.p_value:.3g}" in str(auroc)
    assert str(found["brier"]) == "undefined (not_probabilities)"
    assert found.to_pandas().set_index("metric").loc["auroc", "p_value"] == auroc.p_value
    assert "auroc" in found._repr_html_()
    with pytest.raises(ConflictError) as caught:
        real.add_chunk(runs[0], "from 0", [0], [0.5], ids=[0])
    assert caught.value.code == "chunk_conflict"
    with pytest.raises(UnprocessableError):
        real.compare_runs(runs[0], real.start_run(task="detection"))
    real.delete_run(runs[0])
    with pytest.raises(NotFoundError):
        real.run_report(runs[0])


def test_asyncio(service_url):
    async def ask():
        async with AsyncClient(service_url) as client:
            run = await client.start_run(ci=FAST)
            chunks = [client.add_chunk(run, str(key), [0, 1], [0.1 * key, 0.9]) for key in range(4)]
            await asyncio.gather(*chunks)
            return await client.run_report(run)

    report = asyncio.run(ask())
    assert (report.n, report.raw["run"]["chunks"]) == (8, 4)
