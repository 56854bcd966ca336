"""A job that begins again at another process gives the same reply, whichever endpoint it is of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brightfield.runtime.batch_sizes import BatchSizes
from brightfield.settings import Settings
from brightfield.store.job_claims import ClaimedJob, JobClaims
from brightfield.store.jobs import StoredReply
from tests.toys.statements import statements_of

from ..toys import dense_cards
from ..toys.postgres import schema_on
from .conftest import CHELSEA, npy, png
from .test_concepts import CARD, CODE, REDS, image
from .test_dense import RINGS
from .test_jobs import ASYNC, finished
from .test_two_apps import Service

CAT = png(CHELSEA[:96, :96])
CROPS = {f"c{n}": png(CHELSEA[n * 20 : n * 20 + 64, n * 30 : n * 30 + 64]) for n in range(6)}
LAYER = "layer=blocks.2"
ROWS = {"truth": [0, 1, 1, 0, 1, 0], "scores": [0.1, 0.8, 0.4, 0.6, 0.9, 0.2]}
METRICS = {"task": "classification", "ci": {"resamples": 50}}
FILES = [("file", (name, data, "image/png")) for name, data in CROPS.items()]

Call = tuple[str, dict[str, Any]]

pytestmark = pytest.mark.slow

OF_IMAGES: dict[str, Call] = {
    "post /classify": ("/classify", {"content": CAT}),
    "post /detect": ("/detect?model=cells-4", {"content": RINGS}),
    "post /segment": ("/segment?model=bright&mode=instance", {"content": RINGS}),
    "post /superresolve": ("/superresolve?model=smooth-x2&format=npy", {"content": RINGS}),
    "post /embed": ("/embed", {"content": CAT}),
    "post /saliency": ("/saliency?method=smoothgrad&samples=4&format=npy", {"content": CAT}),
    "post /occlusion": ("/occlusion?window=48&stride=48&format=npy", {"content": CAT}),
    "post /activations": (f"/activations?{LAYER}", {"content": CAT}),
    "post /patches": (f"/patches?{LAYER}&units=0&k=1", {"files": FILES[:3]}),
}
OTHERS: dict[str, Call] = {
    "post /collections/{name}/items": ("/collections/more/items", {"files": FILES}),
    "post /collections/{name}/neighbors": ("/collections/crops/neighbors", {"json": {"id": "c1"}}),
    "post /collections/{name}/clusters": ("/collections/crops/clusters", {"json": {"k": 2}}),
    "post /collections/{name}/projection": (
        "/collections/crops/projection", {"json": {"method": "pca"}},
    ),
    "post /collections/{name}/duplicates": ("/collections/crops/duplicates", {"json": {}}),
    "post /collections/{name}/outliers": ("/collections/crops/outliers", {"json": {"k": 2}}),
    "post /collections/{name}/disagreements": (
        "/collections/crops/disagreements", {"json": {"by": "odd", "k": 2}},
    ),
    "post /collections/{name}/patches": (
        f"/collections/crops/patches?{LAYER}&units=0&k=1", {"json": {}},
    ),
    "post /collections/{name}/tcav": (
        "/collections/tints/tcav",
        {"files": REDS,
         "data": {"target": "red", "concept": '{"tint": "red"}', "random": '{"tint": "none"}'}},
    ),
    "put /collections/{name}/index": ("/collections/crops/index", {"json": {}}),
    "post /metrics": ("/metrics", {"json": {**METRICS, **ROWS}}),
    "get /metrics/runs/{run_id}": ("/metrics/runs/RUN", {}),
    "get /metrics/runs/{run_id}/report": ("/metrics/runs/RUN/report?format=csv", {}),
    "get /metrics/runs/{run_id}/plot/{name}": ("/metrics/runs/RUN/plot/roc?format=svg", {}),
}  # fmt: skip
EVERY = {**OF_IMAGES, **OTHERS}

# What tells of the time and of the moment; and of an item whether it was there.
_PASSING = frozenset({"timing_ms", "created", "made", "outcome"})


@pytest.fixture(scope="module")
def pair(
    postgres_server: str,
    settings_of: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Service, Service]]:
    folder = tmp_path_factory.mktemp("models")
    dense_cards.write(folder)
    (folder / "tints").mkdir()
    (folder / "tints" / "card.toml").write_text(CARD.format(version=1))
    (folder / "tints" / "model.py").write_text(CODE)
    with schema_on(postgres_server) as address:
        common = {"database_url": address, "images": "database", "threads": 1, "preload": False}
        settings = [
            settings_of(**common, models=str(folder), trust_model_code=True) for _ in range(2)
        ]
        with Service(settings[0]) as a, Service(settings[1]) as b:
            _fill(a)
            yield a, b


def _fill(service: Service) -> None:
    client = service.client
    for name in ("crops", "more"):
        client.put(f"/collections/{name}", json={"keep_images": True}).raise_for_status()
    metadata = [{"odd": bool(n % 2)} for n in range(len(CROPS))]
    form = {"ids": json.dumps(list(CROPS)), "metadata": json.dumps(metadata)}
    client.post("/collections/crops/items", files=FILES, data=form).raise_for_status()
    client.put("/collections/tints", json={"model": "tints", "layer": "tint"}).raise_for_status()
    for tint, count in (("red", 25), ("none", 60)):
        tinted = [("file", npy(image(**{tint: 2.0}))) for _ in range(count)]
        about = {"metadata": json.dumps({"tint": tint})}
        client.post("/collections/tints/items", files=tinted, data=about).raise_for_status()
    run = client.post("/metrics/runs", json={**METRICS, "name": "october"}).json()["id"]
    client.put(f"/metrics/runs/{run}/chunks/1", json=ROWS).raise_for_status()


def asked(service: Service, case: str, **headers: str) -> Any:
    """The reply to a case's request."""
    path, content = EVERY[case]
    if "RUN" in path:
        path = path.replace("RUN", service.client.get("/metrics/runs").json()["runs"][0]["id"])
    method = case.partition(" ")[0]
    return service.client.request(method, path, headers=headers, **content)


@pytest.fixture
def first_replies(
    pair: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> dict[str, StoredReply]:
    """What A has worked out of each job, which it loses at that moment; B begins it again."""
    a, b = (each.parts.claims for each in pair)
    lost: dict[str, StoredReply] = {}
    finish, claim = JobClaims.finish, JobClaims.claim

    def claimed(self: JobClaims, full: Any = ()) -> ClaimedJob | None:
        turn = b if lost else a
        return claim(self, full) if self is turn else None

    def ended(self: JobClaims, job: ClaimedJob, reply: StoredReply, *rest: Any) -> bool:
        if self is a:
            lost[job.job.id] = reply
            self.hand_back()
        return finish(self, job, reply, *rest)

    monkeypatch.setattr(JobClaims, "claim", claimed)
    monkeypatch.setattr(JobClaims, "finish", ended)
    return lost


def _names_map(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("map_")


def without_passing(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _PASSING}
        return {name: without_passing(each) for name, each in kept.items() if not _names_map(each)}
    return [without_passing(each) for each in value] if isinstance(value, list) else value


def test_every_endpoint_that_takes_jobs_is_here(pair: tuple[Service, Service]) -> None:
    paths = pair[0].client.get("/openapi.json").json()["paths"]
    found = {
        f"{method} {path}"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "202" in operation.get("responses", {})
    }
    assert found == set(EVERY)


@pytest.mark.parametrize("case", EVERY)
def test_a_job_that_begins_again_elsewhere_gives_the_same_reply(
    case: str,
    pair: tuple[Service, Service],
    first_replies: dict[str, StoredReply],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the byte, once passes are of the same rows: sums over batches of other sizes round
    otherwise."""
    monkeypatch.setattr(BatchSizes, "best", lambda *_: 1)
    a, b = pair
    accepted = asked(a, case, **ASYNC)
    assert accepted.status_code == 202, accepted.text
    job_id = accepted.json()["id"]
    assert finished(b.client, job_id)["state"] == "succeeded", b.job(job_id)
    first, second = first_replies[job_id], b.client.get(f"/jobs/{job_id}/result")
    assert first.status == second.status_code == 200
    kind = second.headers["content-type"]
    assert dict(first.headers)["content-type"] == kind
    if kind == "application/json":
        one, two = json.loads(first.body), second.json()
        assert without_passing(one) == without_passing(two)
    else:
        assert first.body == second.content


@pytest.mark.parametrize("case", OF_IMAGES)
def test_an_answer_about_images_executes_no_statement(
    case: str, pair: tuple[Service, Service]
) -> None:
    with statements_of("watched") as executed:
        reply = asked(pair[0], case, **{"X-Request-ID": "watched"})
        assert (reply.status_code, executed) == (200, []), reply.text
        pair[0].client.get("/jobs/job_x", headers={"X-Request-ID": "watched"})
        assert executed  # so it would have been noticed
