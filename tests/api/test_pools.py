"""Two services on one PostgreSQL that load different models: either answers for both."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from brightfield import tasks
from brightfield.access.issuing import KeyRequest, issue
from brightfield.api.cluster.heart import Heart
from brightfield.api.cluster.passing import PASSED_ON
from brightfield.engine import Engine
from brightfield.errors import UnknownModel
from brightfield.outages import ModelNotServed
from brightfield.runtime.batch_sizes import BatchSizes
from brightfield.settings import Settings
from brightfield.store.keys import open_keys
from brightfield.store.replicas import Replica
from tests.toys.statements import statements_of

from ..toys import dense_cards
from ..toys.postgres import schema_on
from .conftest import CHELSEA, png
from .pools import PoolService
from .test_dense import RINGS
from .test_jobs import ASYNC, events
from .test_jobs_again import LAYER, OF_IMAGES, without_passing
from .test_two_apps import eventually

CAT = png(CHELSEA[:96, :96])
NOBODYS = "strided-2"
FILES = [("file", (f"c{n}", CAT, "image/png")) for n in range(2)]
OF_COLLECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "items": ("/collections/crops/items", {"files": FILES}),
    "neighbors": ("/collections/crops/neighbors?k=1", {"content": CAT}),
    "patches": (f"/collections/crops/patches?{LAYER}&units=0&k=1", {"json": {}}),
}
OF_MODELS = ["/models/imagenet-lite0/layers", "/models/imagenet-lite0/filters?format=npy&count=2"]


@pytest.fixture(scope="module")
def common(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models")
    dense_cards.write(folder)
    with schema_on(postgres_server) as address:
        yield {
            "database_url": address, "images": "database", "threads": 1, "lease": 30.0,
            "preload": False, "models": str(folder), "trust_model_code": True,
            "require_keys": "never", "backend": "eager",
        }  # fmt: skip


@pytest.fixture(scope="module")
def a(common: dict[str, Any], settings_of: Callable[..., Settings]) -> Iterator[PoolService]:
    """Serves the dense models."""
    with PoolService(settings_of, {**common, "serves": "cells-4,bright,smooth-*"}) as service:
        yield service


@pytest.fixture(scope="module")
def b(common: dict[str, Any], settings_of: Callable[..., Settings]) -> Iterator[PoolService]:
    """Serves the classifier."""
    with PoolService(settings_of, {**common, "serves": "imagenet-lite0"}) as service:
        yield service


@pytest.fixture(autouse=True)
def _acquainted(a: PoolService, b: PoolService, monkeypatch: pytest.MonkeyPatch) -> None:
    """They know of each other, and their passes are of the same rows, which round alike."""
    monkeypatch.setattr(BatchSizes, "best", lambda *_: 1)
    for each in (a, b):
        each.parts.heart.beat()


@pytest.fixture
def still(a: PoolService, b: PoolService, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test says of who is alive stays so."""
    monkeypatch.setattr(Heart, "beat", lambda self: None)


def same(one: httpx2.Response, two: httpx2.Response) -> bool:
    assert one.status_code == two.status_code, (one.text, two.text)
    assert one.headers["content-type"] == two.headers["content-type"]
    if not one.headers["content-type"].endswith("json"):
        return one.content == two.content
    documents = [json.loads(each.content) for each in (one, two)]
    for each in documents:
        each.pop("request_id", None), each.pop("id", None)
    return bool(without_passing(documents[0]) == without_passing(documents[1]))


@pytest.mark.slow
@pytest.mark.parametrize("case", OF_IMAGES)
def test_either_answers_about_images_as_the_other(
    case: str, a: PoolService, b: PoolService
) -> None:
    path, content = OF_IMAGES[case]
    before = [each.counted("brightfield_passed_on_total") for each in (a, b)]
    with statements_of("watched") as executed:
        headers = {"X-Request-ID": "watched"}
        one, two = (each.client.post(path, headers=headers, **content) for each in (a, b))
        assert executed == []
    assert one.status_code == 200 and same(one, two), (one.text[:300], two.text[:300])
    after = [each.counted("brightfield_passed_on_total") for each in (a, b)]
    assert sum(after) == sum(before) + 1


def test_a_reply_comes_back_as_it_is(a: PoolService, b: PoolService) -> None:
    headers = {"X-Request-ID": "mine-17", "Accept": "application/json"}
    passed, own = (each.client.post("/classify", content=CAT, headers=headers) for each in (a, b))
    assert passed.status_code == own.status_code == 200 and same(passed, own)
    for name in set(passed.headers) | set(own.headers):
        assert len(passed.headers.get_list(name)) == len(own.headers.get_list(name)), name
    assert passed.headers["x-request-id"] == "mine-17"
    assert passed.headers["x-model"] == own.headers["x-model"]
    refused = [each.client.post("/classify?top_k=0", content=CAT) for each in (a, b)]
    assert refused[0].status_code == 422 and same(*refused)
    faulty = [each.client.post("/classify", content=b"no image") for each in (a, b)]
    assert faulty[0].status_code == 415 and faulty[0].json()["code"] == faulty[1].json()["code"]


def test_a_job_runs_where_its_model_is(a: PoolService, b: PoolService) -> None:
    path = "/occlusion?window=48&stride=48&format=npy"
    direct = b.client.post(path, content=CAT)
    job = a.client.post(path, content=CAT, headers=ASYNC).json()["id"]
    told = list(events(a.client.get(f"/jobs/{job}/events").text))
    assert [each[0] for each in told] == list(range(1, len(told) + 1))
    assert told[-1][1] == "end" and told[-1][2]["state"] == "succeeded"
    assert "progress" in {each[1] for each in told}
    for each in (a, b):
        assert each.client.get(f"/jobs/{job}/result").content == direct.content


def test_a_job_that_runs_elsewhere_is_cancelled_here(a: PoolService, b: PoolService) -> None:
    path = "/saliency?method=smoothgrad&samples=4000"
    job = a.client.post(path, content=CAT, headers=ASYNC).json()["id"]
    eventually(lambda: job in b.parts.worker.running)
    assert a.client.delete(f"/jobs/{job}").json()["state"] == "cancelled"
    eventually(lambda: job not in b.parts.worker.running)
    assert job not in a.parts.worker.running


@pytest.mark.slow
def test_a_job_waits_for_who_can_run_it(
    a: PoolService, b: PoolService, common: dict[str, Any], settings_of: Callable[..., Settings]
) -> None:
    values = {**common, "serves": NOBODYS}
    with PoolService(settings_of, values):
        a.parts.heart.beat()
        before = a.client.get(f"/models/{NOBODYS}").json()["replicas"]
        assert before == {"resident": 0, "wanted": 0, "serving": 1}
    # It has left, and A doesn't know yet.
    accepted = a.client.post(f"/segment?model={NOBODYS}", content=RINGS, headers=ASYNC)
    job = accepted.json()["id"]
    assert a.client.get(f"/jobs/{job}").json()["state"] == "queued"
    with PoolService(settings_of, values):
        eventually(lambda: a.client.get(f"/jobs/{job}").json()["state"] == "succeeded")


@pytest.mark.parametrize("headers", [{}, ASYNC])
def test_what_nobody_serves_is_refused(a: PoolService, headers: dict[str, str]) -> None:
    refused = a.client.post(f"/segment?model={NOBODYS}", content=RINGS, headers=headers)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (503, "model_not_served")
    assert NOBODYS in problem["detail"] and "BRIGHTFIELD_SERVES" in problem["detail"]
    assert refused.headers["retry-after"] == "30"
    unknown = a.client.post("/segment?model=not-there", content=RINGS)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_model"), unknown.text
    assert a.client.get(f"/models/{NOBODYS}").json()["replicas"]["serving"] == 0


def test_what_was_passed_on_stays(
    a: PoolService, b: PoolService, still: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes the other for one that serves the model."""
    for each in (a, b):
        all_serve = [replace(other, serves="") for other in each.parts.heart.living]
        monkeypatch.setattr(each.parts.heart, "living", all_serve)
    before = [each.counted("brightfield_passed_on_total") for each in (a, b)]
    refused = a.client.post(f"/segment?model={NOBODYS}", content=RINGS)
    assert (refused.status_code, refused.json()["code"]) == (503, "model_not_served")
    after = [each.counted("brightfield_passed_on_total") for each in (a, b)]
    assert (after[0] - before[0], after[1] - before[1]) == (1, 0)
    claimed = {PASSED_ON: "replica_x"}  # by a caller, to whom it is of no use
    assert b.client.post("/classify", content=CAT, headers=claimed).status_code == 200
    assert a.client.post("/classify", content=CAT, headers=claimed).status_code == 503


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_who_is_not_there_is_passed_over(
    a: PoolService, b: PoolService, still: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = next(each for each in a.parts.heart.living if each.id == b.parts.cluster.own.id)
    gone = replace(own, id="replica_gone", address=f"127.0.0.1:{closed_port()}")
    monkeypatch.setattr(a.parts.heart, "living", [gone, own])
    asked: list[Replica] = []
    monkeypatch.setattr(a.pools, "silent", asked.append)
    for _ in range(12):  # each is the first of two by chance
        assert a.client.post("/classify", content=CAT).status_code == 200
    assert asked and set(asked) == {gone}
    monkeypatch.undo()
    monkeypatch.setattr(a.parts.heart, "living", [gone])
    refused = a.client.post("/classify", content=CAT)
    assert (refused.status_code, refused.json()["code"]) == (503, "model_not_served")
    for _ in range(12):  # known to be silent now, and the last to be asked
        monkeypatch.setattr(a.parts.heart, "living", [gone, own])
        assert a.pools.able(["imagenet-lite0"]) == [own, gone]


def test_who_can_not_be_reached_is_told_what_to_set(
    a: PoolService, still: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other,) = (each for each in a.parts.heart.living if each.id != a.parts.cluster.own.id)
    hidden = replace(other, process=replace(other.process, host="another-machine"))
    monkeypatch.setattr(a.parts.heart, "living", [hidden])  # at its own loopback
    refused = a.client.post("/classify", content=CAT)
    assert refused.status_code == 503 and "BRIGHTFIELD_ADDRESS" in refused.json()["detail"]


def test_the_other_looks_at_keys_and_hosts_itself(
    a: PoolService, b: PoolService, common: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_keys(common["database_url"]) as store:
        key = issue(store, KeyRequest("reader", ("read",), "default"))[0].text
    monkeypatch.setattr(b.app.state.services.keyring, "_policy", "always")
    nobody = a.client.post("/classify", content=CAT)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "missing_key")
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    known = {"Authorization": f"Bearer {key}"}
    assert a.client.post("/classify", content=CAT, headers=known).status_code == 200
    forbidden = a.client.post("/models/imagenet-lite0/load", headers=known)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "insufficient_scope")
    foreign = {"Host": "elsewhere.example", **known}
    assert a.client.post("/classify", content=CAT, headers=foreign).status_code == 403


def test_who_hangs_up_ends_the_work_elsewhere(a: PoolService, b: PoolService) -> None:
    left = 'brightfield_requests_total{endpoint="/saliency",status="499"}'
    before = [each.counted(left) for each in (a, b)]
    with pytest.raises(httpx2.ReadTimeout):
        a.client.post("/saliency?method=smoothgrad&samples=4000", content=CAT, timeout=0.5)
    for each, count in zip((a, b), before, strict=True):
        eventually(lambda each=each, count=count: each.counted(left) == count + 1)


@pytest.mark.slow
def test_a_deadline_travels_on(a: PoolService, b: PoolService) -> None:
    path, soon = "/saliency?method=smoothgrad&samples=4000", {"X-Request-Timeout": "0.5"}
    late = a.client.post(path, content=CAT, headers=soon)
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    ended = 'brightfield_requests_total{endpoint="/saliency",status='
    eventually(lambda: b.counted(f'{ended}"504"') + b.counted(f'{ended}"499"') >= 1)


@pytest.mark.slow
def test_wishes_reach_those_who_serve_the_model(a: PoolService, b: PoolService) -> None:
    loaded = a.client.post("/models/imagenet-lite0/load?pin=true").json()
    assert loaded["replicas"]["serving"] == 1
    for each in (a, b):
        each.parts.heart.beat()
    for each in (a, b):
        found = each.client.get("/models/imagenet-lite0").json()
        assert found["state"] == "resident" and found["pinned"]
        assert found["replicas"] == {"resident": 1, "wanted": 1, "serving": 1}
        listed = each.client.get("/models").json()["models"]
        assert next(m for m in listed if m["id"] == "imagenet-lite0")["state"] == "resident"
    assert a.app.state.engine.registry.resident("imagenet-lite0") is None
    assert not a.client.get("/cluster").json()["cards_differ"]
    assert {each["serves"] for each in a.client.get("/cluster").json()["replicas"]} == {
        "cells-4,bright,smooth-*", "imagenet-lite0",
    }  # fmt: skip
    assert b.client.post("/models/imagenet-lite0/unload").json()["state"] == "available"


@pytest.mark.slow
def test_collections_are_filled_and_asked_at_either(a: PoolService, b: PoolService) -> None:
    made = {"model": "imagenet-lite0", "keep_images": True}
    assert a.client.put("/collections/crops", json=made).status_code == 201
    for name, (path, content) in OF_COLLECTIONS.items():
        for headers in ({}, ASYNC):
            replies = [each.client.post(path, headers=headers, **content) for each in (a, b)]
            if headers:
                assert {each.status_code for each in replies} == {202}, name
                jobs = [each.json()["id"] for each in replies]
                for job in jobs:
                    eventually(lambda job=job: a.client.get(f"/jobs/{job}").json()["finished"])
                replies = [a.client.get(f"/jobs/{job}/result") for job in jobs]
            assert replies[0].status_code == 200, (name, replies[0].text)
            assert same(*replies), name
    for path in OF_MODELS:
        one, two = (each.client.get(path) for each in (a, b))
        assert one.status_code == 200 and same(one, two)


@pytest.mark.slow
def test_what_another_loads_is_no_reason_not_to_be_ready(
    common: dict[str, Any], settings_of: Callable[..., Settings]
) -> None:
    values = {**common, "serves": "bright", "preload": True}
    with PoolService(settings_of, {**values, "default_models": "segment=bright"}) as third:
        eventually(lambda: third.client.get("/readyz").status_code == 200)
        assert third.client.get("/readyz").json()["resident"] == ["bright"]


def test_an_engine_loads_what_it_serves_alone(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(UnknownModel, match=r"BRIGHTFIELD_SERVES.*imagenet-lite0"):
        Engine(settings_of(serves="imagenet-lit0")).start()
    with Engine(settings_of(serves="!imagenet-lite0")) as engine:
        with pytest.raises(ModelNotServed, match="imagenet-lite0"):
            engine.ask(tasks.Classify(), CAT)
        with pytest.raises(ModelNotServed):
            engine.registry.load("imagenet-lite0")


class BrokenOff:
    """A server at a port that reads one request, answers so much, and closes the connection."""

    def __init__(self, after: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.read = b""
        threading.Thread(target=self._answer, args=(after,), daemon=True).start()

    def _answer(self, after: bytes) -> None:
        with self._listening, self._listening.accept()[0] as connection:
            self.read = connection.recv(1 << 20)
            connection.sendall(after)


@pytest.fixture
def ask_who_breaks_off(
    a: PoolService, b: PoolService, still: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[httpx2.Response, bytes]]:
    own = next(each for each in a.parts.heart.living if each.id == b.parts.cluster.own.id)

    def ask(after: bytes, **headers: str) -> tuple[httpx2.Response, bytes]:
        server = BrokenOff(after)
        monkeypatch.setattr(a.parts.heart, "living", [replace(own, address=server.address)])
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return a.client.post("/embed?layer=logits", content=CAT, headers=named), server.read

    return ask


def test_a_reply_that_breaks_off_is_none(ask_who_breaks_off: Any) -> None:
    lost, _ = ask_who_breaks_off(b"")
    assert (lost.status_code, lost.json()["code"]) == (503, "reply_lost")
    with pytest.raises(httpx2.RemoteProtocolError):
        ask_who_breaks_off(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")


def test_what_came_goes_on_as_it_came(ask_who_breaks_off: Any, a: PoolService) -> None:
    given = {
        "Accept": "application/x-npy", "Authorization": "Bearer x", "TE": "trailers",
        "X_Request_ID": "mine-18", "X_Request_Timeout": "9", "Origin": f"http://127.0.0.1:{a.port}",
    }  # fmt: skip
    _, read = ask_who_breaks_off(b"", **given)
    head, _, body = read.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    sent = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
    assert line == "POST /embed?layer=logits HTTP/1.1" and CAT.startswith(body)
    assert sent["host"] == f"127.0.0.1:{a.port}" and sent["content-length"] == str(len(CAT))
    assert (sent["accept"], sent["authorization"]) == ("application/x-npy", "Bearer x")
    assert sent["x-request-id"] == "mine-18" and 0 < float(sent["x-request-timeout"]) <= 9
    assert sent[PASSED_ON] == a.parts.cluster.own.id
    assert not {"origin", "te"} & sent.keys()


@pytest.mark.slow
def test_processes_with_https_trust_the_certificate_that_they_share(
    common: dict[str, Any], settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(key))
    for part in (*issued.cert_chain_pems, authority.cert_pem):
        part.write_to_path(str(chain), append=True)
    tls = {**common, "tls_certificate": chain, "tls_key": key}
    with (
        PoolService(settings_of, {**tls, "serves": NOBODYS}) as one,
        PoolService(settings_of, {**tls, "serves": "bright"}) as two,
    ):
        one.parts.heart.beat()
        for each in (one, two):
            reply = each.client.post(f"/segment?model={NOBODYS}", content=RINGS)
            assert reply.status_code == 200, reply.text
        targets = one.client.get("/cluster/targets").json()
        schemes = {each["labels"]["__scheme__"] for each in targets}
        assert schemes == {"http", "https"}  # the other two are there
