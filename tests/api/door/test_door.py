"""Every route of the document against every scope: who comes in, and what the others are told."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from brightfield.access.keyring import FRESH
from brightfield.access.scopes import SCOPES
from brightfield.api.door.needs import RouteNeeds, needs
from brightfield.api.logs import request_id as current_request_id
from brightfield.settings import Settings
from brightfield.store.keys import open_keys

from ...docs.pages import ROOT
from ..conftest import COFFEE, png
from .conftest import Lab

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


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


# What answers with files, which are no part of the interface.
FILES = {"page", "web", "guide_root", "guide_page"}


def test_every_route_of_the_app_is_in_the_document(lab: Lab) -> None:
    app: Any = lab.client.app
    documented = {
        (method.upper(), path) for path, each in DOCUMENT["paths"].items() for method in each
    }
    for route in app.state.needs._routes:
        if route.action in FILES:
            continue
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


@pytest.mark.parametrize(
    "page", ["/", "/web/app.js", "/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css"]
)
def test_the_documentation_is_open_and_says_how_to_authorize(lab: Lab, page: str) -> None:
    assert lab.ask("GET", page).status_code == 200
    scheme = lab.ask("GET", "/openapi.json").json()["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


@pytest.mark.parametrize(
    "path", ["/classify/", "http://testserver//classify", "/collections/../metrics", "/models/"]
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


def test_an_answer_costs_no_query(lab: Lab) -> None:
    key, asked = lab.key("read"), png(COFFEE[:8, :8])
    assert lab.ask("POST", "/classify", key, content=asked).status_code == 200
    statements: list[tuple[str, str]] = []
    database = lab.client.app.state.services.storage._engine  # type: ignore[attr-defined]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append((current_request_id.get(), statement))

    event.listen(database, "before_cursor_execute", note)
    began = time.monotonic()
    headers = {"X-Request-ID": "watched"}
    for _ in range(5):
        answer = lab.ask("POST", "/classify", key, content=asked, headers=headers)
        assert answer.status_code == 200
    passed = time.monotonic() - began
    event.remove(database, "before_cursor_execute", note)
    # Those of the task that reads the keys again and again, and none of an answer's own.
    assert not [each for request, each in statements if request == "watched"]
    reads = [each for _, each in statements if "FROM api_keys" in each]
    assert len(reads) <= passed / FRESH + 1


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
