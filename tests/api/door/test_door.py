"""Every route of the document against every scope: who comes in, and what the others are told."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from brightfield.access.issuing import KeyRequest, issue
from brightfield.access.keyring import FRESH
from brightfield.access.scopes import SCOPES
from brightfield.api.app import create_app
from brightfield.api.door.needs import RouteNeeds, needs
from brightfield.settings import Settings
from brightfield.store.keys import KeyLimits, open_keys

from ...docs.pages import ROOT
from ..conftest import COFFEE, png

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
Ask = Callable[..., Any]


class Lab:
    """A service with keys."""

    def __init__(self, client: TestClient, url: str) -> None:
        self.client = client
        self._url = url
        self._keys: dict[str, str] = {}

    def key(self, name: str, *scopes: str, project: str = "default", **limits: Any) -> str:
        """The text of the key of that name, which is made when it is first asked for."""
        if name not in self._keys:
            wanted = KeyRequest(name, scopes or (name,), project, limits=KeyLimits(**limits))
            with open_keys(self._url) as store:
                self._keys[name] = issue(store, wanted)[0].text
            self.client.app.state.services.keyring.read()  # type: ignore[attr-defined]
        return self._keys[name]

    def ask(self, method: str, path: str, key: str | None = None, **options: Any) -> Any:
        own = {} if key is None else {"Authorization": f"Bearer {key}"}
        headers = {**own, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)


@pytest.fixture(scope="module")
def lab(settings_of: Callable[..., Settings]) -> Iterator[Lab]:
    settings = settings_of(preload=False)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        found = Lab(client, settings.store_url)
        found.key("root", "admin")
        yield found


def a_place(path: str) -> str:
    """A path of the kind, of things that are not there."""
    return re.sub(r"\{\w+\}", "nothing", path)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_only_the_scope_that_is_stated_opens(
    lab: Lab, method: str, path: str, operation: Mapping[str, Any]
) -> None:
    place = a_place(path)
    if not operation["security"]:
        assert path in ("/livez", "/readyz")
        assert lab.ask(method, place).status_code == 200
        return
    (needed,) = operation["security"][0]["ApiKey"]
    assert needed in SCOPES
    for scope in SCOPES:
        answer = lab.ask(method, place, lab.key(scope))
        if scope in (needed, "admin"):
            assert answer.status_code not in (401, 403), answer.text
        else:
            refused(answer, 403, "insufficient_scope", needed)
    refused(lab.ask(method, place), 401, "missing_key")
    wrong = lab.key(needed)[:-1] + "!"
    refused(lab.ask(method, place, wrong), 401, "invalid_key")


def refused(answer: Any, status: int, code: str, scope: str | None = None) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="brightfield"')
    if scope is not None:
        assert f'error="insufficient_scope", scope="{scope}"' in challenge
        assert f"`{scope}`" in problem["detail"]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_a_job_is_started_with_the_scope_for_it_alone(
    lab: Lab, method: str, path: str, operation: Mapping[str, Any]
) -> None:
    if "202" not in operation["responses"]:
        assert "x-job-scope" not in operation
        return
    (needed,) = operation["security"][0]["ApiKey"]
    assert operation.get("x-job-scope", needed) == "write"
    answer = lab.ask(method, a_place(path), lab.key("read"), headers={"Prefer": "respond-async"})
    refused(answer, 403, "insufficient_scope", "write")
    both = lab.key("both", "read", "write")
    answer = lab.ask(method, a_place(path), both, headers={"Prefer": "respond-async"})
    assert answer.status_code not in (401, 403)


class Belongings:
    """What a project has: a collection with an item, a map and a job, a run, and an image."""

    def __init__(self, lab: Lab, project: str) -> None:
        self.key = lab.key(f"{project}-writer", "read", "write", project=project)

        def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
            answer = lab.ask(method, path, self.key, json=body, headers=headers)
            assert answer.status_code < 300, answer.text
            return answer.json()

        rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]]
        ids = [f"item{number}" for number in range(len(rows))]
        ask("PUT", "/collections/cells", {"dim": 3})
        ask("POST", "/collections/cells/items", {"vectors": rows, "ids": ids})
        made = ask("POST", "/collections/cells/projection", {"method": "pca"})
        run = ask("POST", "/metrics/runs", {"name": "june", "ci": {"method": "none"}})
        chunk = {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
        ask("PUT", f"/metrics/runs/{run['id']}/chunks/first", chunk)
        job = ask("POST", "/collections/cells/clusters", {"k": 2}, Prefer="respond-async")
        with lab.client.stream(
            "GET", f"/jobs/{job['id']}/events", headers={"Authorization": f"Bearer {self.key}"}
        ) as events:
            events.read()  # to its end
        self.image = lab.ask("PUT", "/images", self.key, content=png(COFFEE[:9, :9])).json()["id"]
        self.places = {
            "name": "cells", "item_id": "item0", "map_id": made["id"], "run_id": run["id"],
            "key": "first", "job_id": job["id"], "model_id": "imagenet-lite0",
        }  # fmt: skip

    def path(self, template: str) -> str:
        here = {**self.places, **({"name": "roc"} if "/plot/{name}" in template else {})}
        return template.format(**here)


@pytest.fixture(scope="module")
def optics(lab: Lab) -> Belongings:
    return Belongings(lab, "optics")


OWNED = [
    pytest.param(method, path, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if "{" in path and "{model_id}" not in path and (method, path) != ("put", "/collections/{name}")
]


def body_for(method: str, path: str) -> Any:
    """What a request to the path brings that nobody finds fault with."""
    if method == "get":
        return None
    if path.endswith("/items"):
        return {"vectors": [[1, 0, 0]], "ids": ["x"]}
    if path.endswith("/chunks/{key}"):
        return {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
    needed = {
        "/neighbors": {"id": "item0"}, "/disagreements": {"by": "label"},
        "/replacement": {"by": "other"},
    }  # fmt: skip
    return needed.get(path[path.rindex("/") :], {})


def query_for(method: str, path: str) -> dict[str, str]:
    """And its query."""
    if (method, path) == ("delete", "/collections/{name}/items"):
        return {"ids": "item0"}
    named = ("/collections/{name}/item", "/collections/{name}/thumbnail")
    return {"id": "item0"} if path in named else {}


@pytest.mark.parametrize(("method", "path"), OWNED)
@pytest.mark.parametrize("scopes", [("read", "write"), ("admin",)], ids=["read, write", "admin"])
def test_what_another_project_has_is_not_there(
    lab: Lab, optics: Belongings, method: str, path: str, scopes: tuple[str, ...]
) -> None:
    stranger = lab.key(f"stranger-{scopes[0]}", *scopes, project="genetics")
    query = query_for(method, path)
    body = None if query else body_for(method, path)
    answer = lab.ask(method, optics.path(path), stranger, json=body, params=query)
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] in ("unknown_collection", "unknown_job", "unknown_run")
    assert "Did you mean" not in answer.json()["detail"]  # nor are its names told


def test_what_a_project_has_is_still_there(lab: Lab, optics: Belongings) -> None:
    """After strangers have tried to change and delete all of it."""
    answers = {"/index": 409, "/thumbnail": 404}  # SQLite has no indexes, vectors no pictures
    for path, operations in DOCUMENT["paths"].items():
        if "get" in operations and "{" in path and "{model_id}" not in path:
            query = query_for("get", path)
            answer = lab.ask("get", optics.path(path), optics.key, params=query)
            known = answers.get(path[path.rindex("/") :], 200)
            assert answer.status_code == known, (path, answer.text)
    assert len(lab.ask("GET", "/collections/cells/items", optics.key).json()["items"]) == 5


@pytest.mark.parametrize(("path", "name"), [("/collections", "cells"), ("/metrics/runs", "june")])
def test_lists_have_the_projects_own_alone(
    lab: Lab, optics: Belongings, path: str, name: str
) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    mine, theirs = (lab.ask("GET", path, key).json() for key in (optics.key, stranger))
    kind = path.rpartition("/")[2]
    assert [each["name"] for each in mine[kind]] == [name]
    assert name not in [each["name"] for each in theirs[kind]]


def test_names_are_those_of_a_project(lab: Lab, optics: Belongings) -> None:
    other = Belongings(lab, "botany")
    assert other.places["run_id"] != optics.places["run_id"]
    assert lab.ask("DELETE", "/collections/cells", other.key).status_code == 200
    assert lab.ask("GET", "/collections/cells", optics.key).json()["items"] == 5


def test_the_digest_of_an_image_is_no_key_to_its_pixels(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    made = lab.ask("PUT", "/collections/own", stranger, json={"keep_images": True})
    assert made.status_code in (200, 201)
    for path in ("/classify", "/collections/own/items", "/collections/own/neighbors"):
        answer = lab.ask("POST", path, stranger, json={"image": {"id": optics.image}})
        assert "image_expired" in answer.text, answer.text
    asked = lab.ask("POST", "/classify", optics.key, json={"image": {"id": optics.image}})
    assert asked.status_code == 200
    same = lab.ask("PUT", "/images", stranger, content=png(COFFEE[:9, :9])).json()["id"]
    assert same == optics.image  # an id stays what it says: the digest of the bytes


def test_a_collection_is_not_replaced_by_another_projects(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    made = lab.ask("PUT", "/collections/mine", stranger, json={"dim": 3})
    assert made.status_code in (200, 201)
    answer = lab.ask("POST", "/collections/mine/replacement", stranger, json={"by": "cells"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_collection")
    assert lab.ask("GET", "/collections/cells", optics.key).status_code == 200


def test_runs_of_two_projects_cannot_be_compared(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    own = lab.ask("POST", "/metrics/runs", stranger, json={"ci": {"method": "none"}}).json()["id"]
    for a, b in ((own, optics.places["run_id"]), (optics.places["run_id"], own)):
        answer = lab.ask("GET", f"/metrics/compare?a={a}&b={b}", stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")


def test_every_route_of_the_app_is_in_the_document(lab: Lab) -> None:
    app: Any = lab.client.app
    documented = {
        (method.upper(), path) for path, each in DOCUMENT["paths"].items() for method in each
    }
    for route in app.state.needs._routes:
        for method in route.methods - {"HEAD"}:
            assert any(route.path.match(a_place(path)) for m, path in documented if m == method)


def test_a_route_that_states_no_scope_is_not_served() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/stated")
    @needs("read")
    async def stated() -> None: ...

    assert RouteNeeds(app.routes).of("GET", "/stated") is not None

    @app.get("/silent")
    async def silent() -> None: ...

    with pytest.raises(ValueError, match="/silent"):
        RouteNeeds(app.routes)


@pytest.mark.parametrize("page", ["/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css"])
def test_the_documentation_is_open_and_says_how_to_authorize(lab: Lab, page: str) -> None:
    assert lab.ask("GET", page).status_code == 200
    scheme = lab.ask("GET", "/openapi.json").json()["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


@pytest.mark.parametrize(
    "path", ["/classify/", "//classify", "/collections/../metrics", "/models/"]
)
def test_no_spelling_of_a_path_goes_around_the_door(lab: Lab, path: str) -> None:
    assert lab.ask("POST", path).status_code in (401, 404, 405)
    assert lab.ask("GET", path).status_code in (401, 404, 405)
    assert lab.ask("HEAD", path).status_code in (401, 404, 405)


def test_a_request_is_refused_before_its_body_is_read(lab: Lab) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/classify", "raw_path": b"/classify",
        "query_string": b"", "headers": [(b"host", b"testserver")], "scheme": "http",
        "root_path": "", "server": ("testserver", 80), "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    assert lab.client.portal is not None
    lab.client.portal.call(lab.client.app, scope, receive, send)
    assert sent[0]["status"] == 401


def test_a_key_that_is_revoked_is_told_so(lab: Lab) -> None:
    key = lab.key("leaver", "read")
    assert lab.ask("GET", "/models", key).status_code == 200
    with open_keys(lab._url) as store:
        store.revoke("leaver")
    lab.client.app.state.services.keyring.read()  # type: ignore[attr-defined]
    answer = lab.ask("GET", "/models", key)
    refused(answer, 401, "invalid_key")
    assert "revoked" in answer.json()["detail"]


def test_the_rate_of_a_key_is_held_and_told(lab: Lab) -> None:
    key = lab.key("slow", "read", rate=0.02)
    first = lab.ask("GET", "/models", key)
    assert first.headers["RateLimit-Policy"] == '"requests";q=1;w=50;qu="requests"'
    assert re.fullmatch(r'"requests";r=0;t=(49|50)', first.headers["RateLimit"])
    answer = lab.ask("GET", "/models", key)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_exceeded")
    assert answer.json()["retryable"] is True
    assert 48 <= int(answer.headers["Retry-After"]) <= 50
    assert "RateLimit" in answer.headers
    unlimited = lab.ask("GET", "/models", lab.key("read"))
    assert "RateLimit-Policy" not in unlimited.headers


def test_a_key_has_its_images_in_flight_alone(lab: Lab) -> None:
    key = lab.key("pair", "read", "write", in_flight=2)
    files = [("file", png(COFFEE[:8, :8])) for _ in range(3)]
    answer = lab.ask("POST", "/classify", key, files=files)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")
    assert answer.headers["RateLimit"] == '"in-flight";r=2'
    slow = {"window": 8, "stride": 4}
    asked = {"params": slow, "content": png(COFFEE[:300, :300])}
    wanted = {"headers": {"Prefer": "respond-async"}}
    jobs = [lab.ask("POST", "/occlusion", key, **asked, **wanted).json()["id"] for _ in range(2)]
    answer = lab.ask("POST", "/occlusion", key, **asked)
    assert (answer.status_code, answer.json()["code"]) == (429, "share_exceeded")
    assert answer.json()["retryable"] and int(answer.headers["Retry-After"]) >= 1
    assert lab.ask("GET", "/models", key).status_code == 200
    assert lab.ask("GET", "/models", lab.key("read")).status_code == 200
    for job in jobs:
        lab.ask("DELETE", f"/jobs/{job}", key)
        lab.ask("GET", f"/jobs/{job}/events", key)  # to its end
    answer = lab.ask("POST", "/classify", key, files=files[:2])
    assert answer.status_code == 200


def test_an_answer_costs_no_query(lab: Lab) -> None:
    key, asked = lab.key("read"), png(COFFEE[:8, :8])
    assert lab.ask("POST", "/classify", key, content=asked).status_code == 200
    statements: list[str] = []
    database = lab.client.app.state.services.storage._engine  # type: ignore[attr-defined]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(database, "before_cursor_execute", note)
    began = time.monotonic()
    for _ in range(20):
        assert lab.ask("POST", "/classify", key, content=asked).status_code == 200
    passed = time.monotonic() - began
    event.remove(database, "before_cursor_execute", note)
    # Those of the task that reads the keys again and again.
    mine = [each for each in statements if "api_keys" not in each and not each.startswith("BEGIN")]
    assert mine == []
    reads = [each for each in statements if each.startswith("SELECT")]
    assert len(reads) <= passed / FRESH + 1


def test_a_key_fills_its_project_up_to_its_bytes(lab: Lab) -> None:
    key = lab.key("filler", "read", "write", project="small", stored_bytes=2000)
    rows = [[n + 0.123456789] * 100 for n in range(3)]
    assert lab.ask("PUT", "/collections/c", key, json={"dim": 100}).status_code == 201
    answer = lab.ask("POST", "/collections/c/items", key, json={"vectors": rows})
    assert answer.status_code == 429, answer.text
    problem = answer.json()
    assert (problem["code"], problem["retryable"]) == ("quota_exceeded", False)
    answer = lab.ask("POST", "/collections/c/items", key, json={"vectors": rows[:1]})
    assert answer.status_code == 200
    assert '"stored";q=2000;qu="content-bytes"' in answer.headers["RateLimit-Policy"]
    assert lab.ask("GET", "/collections/c", key).status_code == 200
    assert lab.ask("DELETE", "/collections/c", key).status_code == 200
    other = lab.key("free", "read", "write", project="small")  # the limit is the key's
    assert lab.ask("PUT", "/collections/d", other, json={"dim": 100}).status_code == 201
    assert lab.ask("POST", "/collections/d/items", other, json={"vectors": rows}).is_success


def test_every_change_leaves_a_line_and_no_line_has_a_key(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {name: lab.key(name) for name in ("read", "write", "admin", "models")}
    body = {"dim": 3}
    caplog.set_level(logging.DEBUG)
    asked = {"X-Request-ID": "audit-1"}
    lab.ask("PUT", "/collections/audited", keys["write"], json=body, headers=asked)
    lab.ask("PUT", "/collections/audited", keys["read"], json=body)
    lab.ask("PUT", "/collections/audited", json=body)
    lab.ask("DELETE", "/collections/gone", keys["admin"])
    lab.ask("POST", "/models/nothing/load", keys["models"])
    lab.ask("GET", "/collections/audited", keys["read"])
    lab.ask("POST", "/classify", keys["read"], content=png(COFFEE[:8, :8]), params={"model": "no"})
    lab.ask("GET", "/models", keys["read"] + "x")
    told = [each for each in caplog.records if each.name == "brightfield.audit"]
    facts = [(e.key_name, e.action, e.object, e.outcome, e.status) for e in told]  # type: ignore[attr-defined]
    assert facts == [
        ("write", "put_collection", "/collections/audited", "done", 201),
        ("read", "put_collection", "/collections/audited", "refused", 403),
        (None, "put_collection", "/collections/audited", "refused", 401),
        ("admin", "delete_collection", "/collections/gone", "refused", 404),
        ("models", "load_model", "/models/nothing/load", "refused", 404),
    ]
    assert told[0].project == "default"  # type: ignore[attr-defined]
    written = "\n".join(f"{each.getMessage()} {vars(each)}" for each in caplog.records)
    assert not any(key.rpartition("_")[2] in written for key in keys.values())


def test_a_service_without_keys_answers_as_ever(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "brightfield.audit")
    assert client.put("/collections/free", json={"dim": 3}).status_code == 201
    assert client.delete("/collections/free").status_code == 200
    ready = client.get("/readyz").json()
    assert (ready["keys"], ready["warnings"]) == ("none", [])
    told = [each for each in caplog.records if each.name == "brightfield.audit"]
    assert [(each.key, each.action) for each in told] == [  # type: ignore[attr-defined]
        (None, "put_collection"),
        (None, "delete_collection"),
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "microscope.lab"])
def test_a_service_that_others_reach_without_a_key_says_so(
    started: Callable[..., TestClient], host: str, caplog: pytest.LogCaptureFixture
) -> None:
    open_to_all = started(host=host, preload=False)
    (line,) = (each.message for each in caplog.records if "without API keys" in each.message)
    assert host in line and "brightfield keys add" in line and "\n" not in line
    assert open_to_all.get("/readyz").json()["warnings"] == [line]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_a_service_for_this_computer_does_not(host: str) -> None:
    assert Settings(host=host).only_here
