"""Two services with folders of their own on one PostgreSQL: either knows what the other has."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from brightfield import zoo
from brightfield.api.app import create_app
from brightfield.api.jobs.parts import JobParts
from brightfield.outages import UnusableStore
from brightfield.settings import Settings
from brightfield.store.channel import ServerChannel
from brightfield.store.database import open_database
from brightfield.store.folder_images import FolderImages
from brightfield.store.job_claims import ClaimedJob, JobClaims
from brightfield.store.jobs import StoredReply
from tests.toys.statements import statements_of

from ..toys.postgres import schema_on
from .conftest import CHELSEA, png
from .test_jobs import ASYNC, events, finished

CAT = png(CHELSEA)
LONG = "/occlusion?method=rise&masks=8000"  # of little memory
SHORT = "/occlusion?window=80&stride=80&format=npy"
LEASE = 6.0


@dataclass
class Service:
    """A service in this process, and what its clock is ahead of the others'."""

    settings: Settings
    ahead: float = 0.0
    client: TestClient = field(init=False)

    def __enter__(self) -> Service:
        def clock() -> sa.ColumnElement[float]:
            return sa.literal(time.time() + self.ahead, sa.Double)

        app = create_app(self.settings, clock=clock)
        self.client = TestClient(app, raise_server_exceptions=False)
        self.client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.__exit__(None, None, None)

    @property
    def app(self) -> FastAPI:
        app: Any = self.client.app
        assert isinstance(app, FastAPI)
        return app

    @property
    def parts(self) -> JobParts:
        parts: JobParts = self.app.state.jobs
        return parts

    def post(self, query: str) -> str:
        reply = self.client.post(query, content=CAT, headers=ASYNC)
        assert reply.status_code == 202, reply.text
        job_id: str = reply.json()["id"]
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/jobs/{job_id}").json()
        return found

    def listen(self, job_id: str, after: int = 0) -> list[tuple[int, str, Any]]:
        headers = {"Last-Event-ID": str(after)}
        return list(events(self.client.get(f"/jobs/{job_id}/events", headers=headers).text))


def eventually(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def store_url(postgres_server: str) -> Iterator[str]:
    with schema_on(postgres_server) as address:
        yield address


@pytest.fixture(scope="module")
def service_of(store_url: str, settings_of: Callable[..., Settings]) -> Callable[..., Service]:
    def make(**values: Any) -> Service:
        common = {"database_url": store_url, "lease": LEASE, "images": "database"}
        options = {**common, "preload": False, **values}
        return Service(settings_of(**options))

    return make


@pytest.fixture(scope="module")
def a(service_of: Callable[..., Service]) -> Iterator[Service]:
    with service_of(preload=True) as service:
        yield service


@pytest.fixture(scope="module")
def b(service_of: Callable[..., Service]) -> Iterator[Service]:
    with service_of(preload=True) as service:
        yield service


@pytest.fixture
def store(store_url: str) -> Iterator[sa.Engine]:
    engine = open_database(store_url)
    yield engine
    engine.dispose()


def same(content: bytes, expected: bytes) -> bool:
    """Whether two maps agree as docs/conventions/jobs.md says; other batches round otherwise."""
    one, two = (np.load(io.BytesIO(each)) for each in (content, expected))
    return bool(np.allclose(one, two, rtol=0, atol=1e-4 * np.abs(two).max()))


def held_by(a: Service, job_id: str) -> bool:
    """Whether a job runs at a service."""
    return job_id in a.parts.worker.running


@pytest.fixture
def only_a(a: Service, b: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """B claims nothing."""
    monkeypatch.setattr(JobClaims, "claim", _claim_unless(b.parts.claims, JobClaims.claim))


def _claim_unless(idle: JobClaims, claim: Any) -> Any:
    def claimed(self: JobClaims, full: Any = ()) -> ClaimedJob | None:
        found: ClaimedJob | None = None if self is idle else claim(self, full)
        return found

    return claimed


def test_an_image_of_either_is_known_to_both(a: Service, b: Service) -> None:
    stored = a.client.put("/images", content=CAT).json()["id"]
    for turn in range(100):
        at = (a, b)[turn % 2]
        body = {"image": {"id": stored}}
        found = (
            at.client.get(f"/images/{stored}") if turn else at.client.post("/classify", json=body)
        )
        assert found.status_code == 200, (turn, found.text)


def test_who_keeps_images_elsewhere_is_refused(
    a: Service, service_of: Callable[..., Service]
) -> None:
    with pytest.raises(UnusableStore, match="BRIGHTFIELD_IMAGES"), service_of(images=""):
        pass
    assert a.client.get("/readyz").status_code == 200
    assert len(a.parts.replicas.alive()) <= 2  # it has left


def test_a_folder_that_is_shared_is_one_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "images")
    one, two = (FolderImages(tmp_path / name, 60, 10**6) for name in ("images", "link"))
    assert one.place == two.place != FolderImages(tmp_path / "other", 60, 10**6).place
    assert two.get(one.put(b"pixels")) == b"pixels"


def test_events_are_the_same_at_either(a: Service, b: Service, only_a: None) -> None:
    job_id = a.post("/occlusion?window=40")
    heard: dict[str, list[tuple[int, str, Any]]] = {}
    threads = [
        threading.Thread(target=lambda name=name, at=at: heard.update({name: at.listen(job_id)}))
        for name, at in (("a", a), ("b", b))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard["a"] == heard["b"]
    numbers = [number for number, _, _ in heard["b"]]
    assert numbers == list(range(1, len(numbers) + 1))
    kinds = [kind for _, kind, _ in heard["b"]]
    assert kinds[-1] == "end" and {"progress", "partial"} <= set(kinds)
    places = [
        place for _, kind, data in heard["b"] if kind == "partial" for place in data["places"]
    ]
    assert len(places) == len(set(places)) > 20
    assert b.listen(job_id, after=numbers[-3]) == heard["a"][-2:]
    assert a.job(job_id) == b.job(job_id)
    assert a.client.get(f"/jobs/{job_id}/result").content == b.client.get(
        f"/jobs/{job_id}/result"
    ).content  # fmt: skip


def batches(service: Service) -> float:
    text = service.client.get("/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("brightfield_batch_rows_count")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_a_job_cancelled_at_either_stops_where_it_runs(
    a: Service, b: Service, only_a: None
) -> None:
    job_id = a.post(LONG)
    eventually(lambda: b.job(job_id)["progress"]["done"])
    assert b.client.delete(f"/jobs/{job_id}").json()["state"] == "cancelled"
    before = batches(a)
    eventually(lambda: not held_by(a, job_id))
    assert a.client.post("/classify", content=CAT).status_code == 200  # behind what still ran
    assert batches(a) - before <= 2  # one of them for this answer
    assert a.job(job_id)["state"] == "cancelled"
    assert [kind for _, kind, _ in a.listen(job_id)][-1] == "end"


def test_a_cancellation_is_noticed_without_a_notice(
    a: Service, b: Service, only_a: None, store: sa.Engine
) -> None:
    job_id = a.post(LONG)
    eventually(lambda: held_by(a, job_id))
    with store.begin() as connection:  # nobody is told
        connection.execute(sa.text(f"UPDATE jobs SET state='cancelled' WHERE id='{job_id}'"))
    eventually(lambda: not held_by(a, job_id))


def test_who_is_thought_dead_loses_its_jobs_and_its_late_result(
    a: Service, b: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, dropped = threading.Event(), []
    finish, claims = JobClaims.finish, a.parts.claims

    def late(self: JobClaims, claimed: ClaimedJob, reply: StoredReply, *rest: Any) -> bool:
        if self is not claims:
            return finish(self, claimed, reply, *rest)
        go_on.wait(60)
        late_reply = StoredReply(500, {}, b"too late")
        dropped.append(finish(self, claimed, late_reply, *rest))
        return dropped[-1]

    monkeypatch.setattr(JobClaims, "finish", late)
    undisturbed = a.client.post(SHORT, content=CAT).content
    with monkeypatch.context() as patch:
        patch.setattr(JobClaims, "claim", _claim_unless(b.parts.claims, JobClaims.claim))
        job_id = a.post(SHORT)
        eventually(lambda: held_by(a, job_id))
    b.ahead = 10 * LEASE
    try:
        with monkeypatch.context() as patch:  # A is cut off: it hears of nothing, claims nothing
            patch.setattr(JobClaims, "claim", _claim_unless(claims, JobClaims.claim))
            patch.setattr(a.parts.worker, "cancel", lambda job_id: None)
            b.parts.heart.beat()
            assert finished(b.client, job_id)["state"] == "succeeded"
    finally:
        b.ahead = 0.0
        go_on.set()
    eventually(lambda: dropped or not held_by(a, job_id))
    assert not any(dropped)
    for service in (a, b):
        assert same(service.client.get(f"/jobs/{job_id}/result").content, undisturbed)
    numbers = [number for number, _, _ in a.listen(job_id)]
    assert numbers == list(range(1, len(numbers) + 1))
    for service in (a, b):
        service.parts.heart.beat()


def test_a_start_disturbs_no_job(
    a: Service, b: Service, only_a: None, service_of: Callable[..., Service], store: sa.Engine
) -> None:
    job_id = a.post(LONG)
    eventually(lambda: a.job(job_id)["progress"]["done"])
    with service_of() as third:
        assert third.job(job_id)["state"] == "running"
        assert len(third.parts.replicas.alive()) == 3
    assert held_by(a, job_id) and b.job(job_id)["state"] == "running"
    with store.connect() as connection:
        query = sa.text(f"SELECT attempts FROM jobs WHERE id='{job_id}'")
        assert connection.execute(query).scalar_one() == 1
    a.client.delete(f"/jobs/{job_id}")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["lost", "killed"])
def test_a_stream_outlives_lost_notices(
    a: Service, b: Service, only_a: None, monkeypatch: pytest.MonkeyPatch, store: sa.Engine,
    fault: str,
) -> None:  # fmt: skip
    job_id = a.post("/saliency?method=smoothgrad&samples=40")
    heard: list[list[tuple[int, str, Any]]] = []
    listener = threading.Thread(target=lambda: heard.append(b.listen(job_id)))
    channel = b.parts.channel
    assert isinstance(channel, ServerChannel)
    if fault == "lost":
        monkeypatch.setattr(channel, "_deliver", lambda topic, words: None)
    listener.start()
    if fault == "killed":
        before = channel.backend
        with store.begin() as connection:
            connection.execute(sa.select(sa.func.pg_terminate_backend(before)))
        eventually(lambda: channel.backend not in (None, before))
    listener.join(90)
    assert not listener.is_alive()
    assert heard[0][-1][1] == "end" and heard[0][-1][2]["state"] == "succeeded"
    assert [each[0] for each in heard[0]] == list(range(1, len(heard[0]) + 1))


@pytest.mark.slow
def test_a_model_loaded_at_one_is_loaded_at_all(a: Service, b: Service) -> None:
    path = "/models/imagenet-lite0"

    def pinned(service: Service) -> bool:
        return bool(service.client.get(path).json()["pinned"])

    loaded = a.client.post(f"{path}/load?pin=true").json()
    assert loaded["replicas"]["resident"] >= 1
    eventually(lambda: pinned(b))
    for service in (a, b):
        service.parts.heart.beat()
    assert b.client.get(path).json()["replicas"] == {"resident": 2, "wanted": 2, "serving": 2}
    b.client.post(f"{path}/unload")
    eventually(lambda: a.client.get(path).json()["state"] == "available")
    assert a.client.get(path).json()["replicas"]["wanted"] == 0
    a.client.post(f"{path}/load?anew=true")
    eventually(lambda: b.client.get(path).json()["state"] == "resident")


def test_who_would_answer_otherwise_is_not_ready(
    a: Service, service_of: Callable[..., Service], tmp_path: Path
) -> None:
    card = zoo.folder() / "imagenet-lite0" / "card.toml"
    (tmp_path / "imagenet-lite0").mkdir()
    other = card.read_text().replace("crop = 224", "crop = 192")
    (tmp_path / "imagenet-lite0" / "card.toml").write_text(other)
    with service_of(models=str(tmp_path)) as third:
        refused = third.client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "cards_differ")
        assert third.client.get("/cluster").json()["cards_differ"]
        a.parts.heart.beat()
        assert a.client.get("/readyz").status_code == 200
    a.parts.heart.beat()
    assert not a.client.get("/cluster").json()["cards_differ"]


def test_each_process_is_scraped_for_itself(a: Service, b: Service) -> None:
    for service in (a, b):
        service.parts.heart.beat()
    targets = a.client.get("/cluster/targets").json()
    assert [each["targets"] for each in targets] == [["127.0.0.1:8000"]] * 2
    names = {each["labels"]["replica"] for each in targets}
    assert names == {a.client.get("/cluster").json()["replica"], b.parts.cluster.own.id}
    for service in (a, b):
        own = service.parts.cluster.own.id
        assert f'brightfield_replica_info{{host="{own_host(service)}",replica="{own}"}} 1.0' in (
            service.client.get("/metrics").text
        )


def own_host(service: Service) -> str:
    return service.parts.cluster.own.process.host


def test_an_answer_executes_no_statement(a: Service) -> None:
    with statements_of("watched") as executed:
        headers = {"X-Request-ID": "watched"}
        reply = a.client.post("/classify", content=CAT, headers=headers)
        assert (reply.status_code, executed) == (200, [])
        a.client.get("/jobs/job_x", headers=headers)
        assert executed  # so it would have been noticed


@pytest.mark.slow
def test_a_stop_hands_jobs_over(a: Service, service_of: Callable[..., Service]) -> None:
    undisturbed = a.client.post(SHORT, content=CAT).content
    with service_of() as other:
        jobs = [other.post(SHORT) for _ in range(5)]
    for job_id in jobs:
        assert finished(a.client, job_id)["state"] == "succeeded"
        assert same(a.client.get(f"/jobs/{job_id}/result").content, undisturbed)
