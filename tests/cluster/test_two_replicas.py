"""Two replicas behind one address: they answer as one plain service, whatever becomes of one."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import skimage.data
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.settings import Settings
from brightfield_client import Client

from ..api.conftest import CHELSEA, png
from ..api.test_jobs import ASYNC, events
from .cluster import ClusterProcess
from .conftest import PLACES

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
REQUESTS = int(os.environ.get("BRIGHTFIELD_CLUSTER_REQUESTS", "200"))
CAT = png(CHELSEA)
SMALL = png(skimage.data.coffee()[:64, :64])
LONG = "/saliency?method=smoothgrad&samples=30"

# What isn't the same in two answers to one request.
_OWN = {"timing_ms", "request_id", "created", "finished", "id", "replica", "replicas", "started",
        "beat", "resident", "devices", "instance", "cards_differ", "examination", "state",
        "ran_on", "memory_bytes", "engine_reason", "engine_seconds"}  # fmt: skip


@pytest.fixture(scope="module")
def http(cluster: ClusterProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=cluster.url, trust_env=False, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The same service in this process."""
    settings = Settings(
        data=tmp_path_factory.mktemp("plain"), preload=False, device="cpu", threads=1,
        allowed_hosts="testserver", max_in_flight=PLACES,
    )  # fmt: skip
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def eventually(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def differences(one: Any, two: Any, at: str = "") -> Iterator[str]:
    """Where two JSON values disagree, apart from what is each answer's own."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted((set(one) | set(two)) - _OWN):
            yield from differences(one.get(key, "absent"), two.get(key, "absent"), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for number, pair in enumerate(zip(one, two, strict=True)):
            yield from differences(*pair, f"{at}[{number}]")
    elif isinstance(one, float) and isinstance(two, float):
        if one != pytest.approx(two, rel=1e-3, abs=1e-4):
            yield f"{at}: {one} {two}"
    elif one != two:
        yield f"{at}: {one} {two}"


def everything(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A request to each operation of the API; where an id is wanted, to one that isn't there."""
    for path, operations in sorted(document["paths"].items()):
        place = re.sub(r"{\w+}", "nothing", path)
        for method, operation in sorted(operations.items()):
            body: dict[str, Any] = {}
            kinds = operation.get("requestBody", {}).get("content", {})
            if "image/*" in kinds or "image/png" in kinds or "application/octet-stream" in kinds:
                body = {"content": SMALL}
            elif kinds:
                body = {"json": {}}
            yield method.upper(), place, body


def test_every_endpoint_answers_as_the_plain_service(
    http: httpx2.Client, plain: TestClient
) -> None:
    document = plain.get("/openapi.json").json()
    assert http.get("/openapi.json").json() == document
    asked = list(everything(document))
    assert len(asked) > 60
    for method, path, body in asked:
        if (method, path) in (("GET", "/metrics"), ("GET", "/cluster/targets")):
            continue  # what each counts and where it is are other tests
        if path.endswith("/index"):
            continue  # the plain one is on SQLite, which makes none
        one, two = (client.request(method, path, **body) for client in (http, plain))
        where = f"{method} {path}: {one.status_code} {one.text[:300]} / {two.text[:300]}"
        assert one.status_code == two.status_code, where
        assert one.headers.get("content-type") == two.headers.get("content-type"), where
        assert set(two.headers) - set(one.headers) == set(), where
        if "json" in one.headers.get("content-type", ""):
            found = list(differences(one.json(), two.json()))
            assert not found, f"{where[:60]} {found}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/models", 200),
        ("OPTIONS", "/classify", 204),
        ("GET", "/nowhere", 404),
        ("GET", "/models/", 200),
        ("POST", "/livez", 405),
        ("GET", "/docs", 200),
        ("GET", "/", 200),
    ],
)
def test_the_rest_of_the_wire_is_the_same(
    http: httpx2.Client, plain: TestClient, method: str, path: str, status: int
) -> None:
    one, two = (client.request(method, path) for client in (http, plain))
    assert one.status_code == two.status_code == status
    assert one.headers.get("content-type") == two.headers.get("content-type")


def test_a_foreign_host_is_refused_and_probes_are_answered(http: httpx2.Client) -> None:
    foreign = {"Host": "evil.example"}
    refused = http.get("/models", headers=foreign)
    assert refused.status_code == 403 and refused.json()["code"] == "foreign_origin"
    assert http.get("/livez", headers=foreign).status_code == 200
    assert http.get("/-/healthz", headers=foreign).status_code == 200


@pytest.mark.parametrize("given", [None, "mine-17", "not a word"])
def test_a_reply_has_one_request_id(http: httpx2.Client, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    for path, status in (("/livez", 200), ("/nowhere", 404)):
        reply = http.get(path, headers=headers)
        assert reply.status_code == status
        (told,) = reply.headers.get_list("x-request-id")
        assert len(reply.headers.get_list("server")) <= 1
        assert told == given if given == "mine-17" else told.startswith("req_")
        assert status == 200 or reply.json()["request_id"] == told


def test_an_offer_of_another_protocol_is_not_taken(cluster: ClusterProcess) -> None:
    """As Java's client makes it with every request."""
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=60) as connection:
        connection.sendall(
            b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings, close"
            b"\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_both_replicas_are_listed_and_can_be_scraped(
    cluster: ClusterProcess, http: httpx2.Client
) -> None:
    addresses = eventually(lambda: len(found := cluster.addresses()) == 2 and found)
    told = [httpx2.get(f"{each}/metrics", trust_env=False).text for each in addresses]
    ids = {re.search(r'replica_info{.*?replica="(\w+)"', each)[1] for each in told}  # type: ignore[index]
    assert ids == {each["id"] for each in http.get("/cluster").json()["replicas"]}


def test_an_image_and_a_collection_are_there_at_either(http: httpx2.Client) -> None:
    image = http.put("/images", content=CAT).json()["id"]
    assert {http.get(f"/images/{image}").status_code for _ in range(40)} == {200}
    made = {"model": "imagenet-lite0"}
    assert http.put("/collections/both", json=made).is_success
    for number in range(10):
        item = {"ids": [f"cat {number}"], "images": [{"id": image}]}
        assert http.post("/collections/both/items", json=item).is_success
        counts = {http.get("/collections/both").json()["items"] for _ in range(4)}
        assert counts == {number + 1}


def test_a_stream_of_events_is_whole_and_numbered(http: httpx2.Client) -> None:
    job = http.post("/occlusion?window=60&stride=60", content=CAT, headers=ASYNC).json()["id"]
    kept = []
    for _ in range(2):  # whichever replica answers
        text = http.get(f"/jobs/{job}/events").text
        kept.append([each for each in events(text) if each[1] != "partial"])
        numbers = [each[0] for each in events(text)]
        assert numbers == sorted(set(numbers)) and kept[-1][-1][1] == "end"
    assert kept[0][-1] == kept[1][-1]
    assert http.get(f"/jobs/{job}/result").status_code == 200


def test_who_hangs_up_is_worked_for_no_longer(cluster: ClusterProcess) -> None:
    """The rows that are computed for callers who left are few, and they count as 499."""

    def counted(name: str) -> float:
        texts = [httpx2.get(f"{each}/metrics", trust_env=False).text for each in addresses]
        found = [re.findall(rf"^brightfield_{name} (\S+)$", each, re.M) for each in texts]
        return sum(float(value) for each in found for value in each)

    addresses = eventually(lambda: len(found := cluster.addresses()) == 2 and found)
    left = r'requests_total{endpoint="/occlusion",status="499"}'
    rows, gone = counted(r"batch_rows_sum{.*}"), counted(left)
    for _ in range(6):
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(
                f"{cluster.url}/occlusion?window=60&stride=15", content=CAT, trust_env=False,
                timeout=0.3,
            )  # fmt: skip
    eventually(lambda: counted(left) == gone + 6)
    first = counted(r"batch_rows_sum{.*}")
    time.sleep(1)
    assert counted(r"batch_rows_sum{.*}") - first <= 64 and first >= rows


def test_more_than_can_be_done_is_refused_by_the_service_alone(cluster: ClusterProcess) -> None:
    """Four times as many at once as both have places for explanations."""
    most = 2 * PLACES

    def ask(_: int) -> httpx2.Response:
        return httpx2.post(f"{cluster.url}{LONG}", content=CAT, trust_env=False, timeout=300)

    with ThreadPoolExecutor(4 * most) as pool:
        replies = list(pool.map(ask, range(4 * most)))
    counts = Counter(each.status_code for each in replies)
    assert set(counts) == {200, 429} and counts[200] >= most, counts
    for each in replies:
        if each.status_code == 429:
            assert each.headers["content-type"] == "application/problem+json"
            assert each.json()["code"] == "overloaded" and int(each.headers["retry-after"]) >= 1


class Asking:
    """Callers of the SDK who ask on and on; what they get."""

    def __init__(self, url: str, callers: int = 4) -> None:
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]
        self.answers: list[str] = []
        self.faults: list[str] = []

    def __enter__(self) -> Asking:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _run(self) -> None:
        with Client(self._url, timeout=120, retries=5) as client:
            while not self._stop.is_set():
                try:
                    top = client.classify(SMALL).top
                    self.answers.append(top.label if top else "nothing")
                except Exception as fault:
                    self.faults.append(repr(fault))

    def until(self, count: int) -> None:
        """Wait until so many are answered."""
        eventually(lambda: len(self.answers) + len(self.faults) >= count)


def test_callers_notice_nothing_of_a_replica_that_is_killed(cluster: ClusterProcess) -> None:
    eventually(lambda: len(cluster.replicas()) == 2)
    with Asking(cluster.url) as asking:
        asking.until(REQUESTS // 4)
        victim = cluster.replicas()[0]
        victim.kill()
        asking.until(REQUESTS)
        eventually(lambda: len(cluster.replicas()) == 2 and victim.pid not in pids(cluster))
    assert asking.faults == [] and len(set(asking.answers)) == 1
    assert len(asking.answers) >= REQUESTS


def test_a_job_whose_replica_is_killed_is_done_by_the_other(
    cluster: ClusterProcess, http: httpx2.Client
) -> None:
    query = "/saliency?method=smoothgrad&samples=200&seed=1&format=npy"
    undisturbed = http.post(query, content=CAT)
    assert undisturbed.status_code == 200
    eventually(lambda: len(cluster.addresses()) == 2)
    job = http.post(query, content=CAT, headers=ASYNC).json()["id"]
    eventually(lambda: http.get(f"/jobs/{job}").json()["progress"]["done"] > 0)
    for each in cluster.replicas():
        each.kill()
    result = eventually(lambda: (reply := asked(http, f"/jobs/{job}/result")) and reply)
    assert len(result.content) == len(undisturbed.content)


def test_callers_notice_nothing_of_an_update(cluster: ClusterProcess) -> None:
    eventually(lambda: len(cluster.replicas()) == 2 and len(cluster.addresses()) == 2)
    before = pids(cluster)
    with Asking(cluster.url) as asking:
        asking.until(REQUESTS // 4)
        cluster.renew()
        eventually(lambda: len(now := pids(cluster)) == 2 and not now & before)
        asking.until(REQUESTS)
    assert asking.faults == [] and len(set(asking.answers)) == 1


def asked(http: httpx2.Client, path: str) -> httpx2.Response | None:
    """The reply, if it is a success; nobody answers while both replicas are away."""
    try:
        reply = http.get(path)
    except httpx2.HTTPError:
        return None
    return reply if reply.is_success else None


def pids(cluster: ClusterProcess) -> set[int]:
    return {each.pid for each in cluster.replicas()}


def test_its_log_has_no_traceback(cluster: ClusterProcess) -> None:
    assert "Traceback" not in cluster.said(), cluster.said()[-4000:]
