"""Whatever the OpenAPI document allows to be asked is answered as the document says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import requests.adapters
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient
from urllib3.response import HTTPResponse

from brightfield.access.issuing import KeyRequest, issue
from brightfield.api.app import create_app
from brightfield.settings import Settings
from brightfield.store.keys import open_keys

from ...docs.pages import ROOT
from ..conftest import CHELSEA, png

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
OPEN = ("/livez", "/readyz")
PATIENCE = "3"
"""Seconds after which an answer is given up, which alone may end in a 504."""
SMALL = png(CHELSEA[:64, :64])


class InProcess(requests.adapters.BaseAdapter):
    """Requests of schemathesis by way of a test client."""

    def __init__(self, client: TestClient) -> None:
        super().__init__()
        self._client = client

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.method is not None and request.url is not None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        headers = [(name, value.encode("latin-1")) for name, value in request.headers.items()]
        answer = self._client.request(request.method, request.url, headers=headers, content=body)
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.request, response.url = request, request.url
        response.raw = HTTPResponse(
            io.BytesIO(answer.content),
            status=answer.status_code,
            headers=answer.headers,
            preload_content=False,
        )
        return response

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Asked:
    """The document of a service in this process, and ids of things that the service has."""

    schema: Any
    session: requests.Session
    known: Mapping[str, str]
    locked: bool
    """Whether the service needs a key and is shown none."""


@pytest.fixture(scope="module", params=["needs no key", "asked with a key", "asked without a key"])
def asked(request: pytest.FixtureRequest, settings_of: Callable[..., Settings]) -> Iterator[Asked]:
    settings = settings_of(preload=False, threads=1)
    key = _key_of(settings) if "asked" in request.param else None
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client, requests.Session() as session:
        session.mount("http://", InProcess(client))
        known = _furnished(client, key)
        locked = request.param == "asked without a key"
        session.headers.update({} if locked else _shown(key))
        schema = schemathesis.openapi.from_dict(app.openapi())
        yield Asked(schema, session, known, locked)


def _key_of(settings: Settings) -> str:
    with open_keys(settings.store_url) as store:
        return issue(store, KeyRequest("all", ("admin",)))[0].text


def _shown(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def _furnished(client: TestClient, key: str | None) -> dict[str, str]:
    """A collection with items and a map, a run with a chunk, and a job."""
    rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]]
    ids = [f"item{number}" for number in range(len(rows))]
    labels = [{"label": "ab"[number % 2]} for number in range(len(rows))]

    def ask(method: str, path: str, body: Any, **headers: str) -> Any:
        answer = client.request(method, path, json=body, headers={**headers, **_shown(key)})
        assert answer.status_code < 300, answer.text
        return answer.json()

    ask("PUT", "/collections/cells", {"dim": 3})
    ask("POST", "/collections/cells/items", {"vectors": rows, "ids": ids, "metadata": labels})
    made = ask("POST", "/collections/cells/projection", {"method": "pca"})
    run = ask("POST", "/metrics/runs", {"ci": {"method": "none"}})["id"]
    chunk = {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
    ask("PUT", f"/metrics/runs/{run}/chunks/first", chunk)
    job = ask("POST", "/collections/cells/clusters", {"k": 2}, Prefer="respond-async")
    return {
        "name": "cells", "item_id": ids[0], "map_id": made["id"], "run_id": run, "key": "first",
        "job_id": job["id"], "model_id": "imagenet-lite0",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_of_those_that_are_declared(
    path: str, method: str, asked: Asked
) -> None:
    operation = asked.schema[path][method.upper()]

    @seed(0)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def ask(case: Any, real: bool) -> None:
        if real:
            _make_real(case, asked.known)
        case.headers = {**(case.headers or {}), "X-Request-Timeout": PATIENCE}
        answer = case.call(base_url="http://testserver", session=asked.session)
        if answer.status_code != 504:
            case.validate_response(answer, checks=_checks(answer))
        if asked.locked:
            assert _is_shut_out(answer) == (path not in OPEN)

    ask()


def _is_shut_out(answer: Any) -> bool:
    """Refused for want of a key; a text in a path may also make it one that nothing is at."""
    nowhere = answer.status_code == 404 and answer.json()["code"] == "not_found"
    return answer.status_code in (401, 403) or nowhere


def _checks(answer: Any) -> list[Any]:
    """Schemathesis takes the schema of a stream for that of its events, as OpenAPI 3.2 has it; here
    `every_reply_conforms` looks at them."""
    stream = answer.headers["content-type"][0].startswith("text/event-stream")
    return CHECKS[:-1] if stream else CHECKS


def _make_real(case: Any, known: Mapping[str, str]) -> None:
    """In place of words and bytes at random, what the service has and can read."""
    if case.method != "DELETE":
        plot = case.path.endswith("/plot/{name}")  # a plot, not a collection
        named = {name: known[name] for name in case.path_parameters or {} if name in known}
        case.path_parameters = {**(case.path_parameters or {}), **({} if plot else named)}
    if case.media_type == "application/octet-stream":
        case.body = SMALL
