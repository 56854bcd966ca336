"""What the check of every reply finds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..conformance import PROBLEM, Document

DOCUMENT = Document.written()
JSON = "application/json"
ALIVE = {"status": "ok", "version": "1"}
FAULT = {
    "type": "urn:brightfield:problem:not_found", "title": "Not found", "status": 404,
    "detail": "There is nothing here.", "code": "not_found", "request_id": "r", "retryable": False,
}  # fmt: skip
EVENT = 'id: 1\nevent: {kind}\ndata: {{"done": {done}, "total": 2}}\n\n: waiting\n\n'


def fault(path: str | None, status: int, media_type: str, body: Any) -> str | None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return DOCUMENT.fault(path, "get", status, media_type, content)


def test_what_is_declared_is_no_fault() -> None:
    assert fault("/livez", 200, JSON, ALIVE) is None
    assert fault("/livez", 403, PROBLEM, FAULT) is None
    assert DOCUMENT.fault_of_head("/livez", "head", 200, JSON) is None
    assert fault(None, 404, PROBLEM, FAULT) is None
    events = EVENT.format(kind="progress", done=1)
    assert fault("/jobs/{job_id}/events", 200, "text/event-stream", events) is None


@pytest.mark.parametrize(
    ("path", "status", "media_type", "body", "reason"),
    [
        ("/livez", 200, JSON, {**ALIVE, "status": "bad"}, "at status: 'ok' was expected"),
        ("/livez", 200, JSON, {**ALIVE, "more": 1}, "'more' was unexpected"),
        ("/livez", 200, JSON, {"status": "ok"}, "'version' is a required property"),
        ("/livez", 204, JSON, ALIVE, "the status is not declared"),
        ("/livez", 404, PROBLEM, FAULT, "the status is not declared"),
        ("/jobs/{job_id}", 418, PROBLEM, FAULT, "the status is not declared"),
        (None, 409, PROBLEM, FAULT, "the status is not declared"),
        ("/livez", 200, "text/plain", "ok", "the media type is not declared"),
        ("/livez", 500, PROBLEM, {"status": 500}, "is a required property"),
        ("/nowhere", 200, JSON, ALIVE, "no such operation"),
        ("/jobs/{job_id}/events", 200, "text/event-stream",
         EVENT.format(kind="progress", done=-1), "event progress: at done: -1 is less"),
        ("/jobs/{job_id}/events", 200, "text/event-stream",
         EVENT.format(kind="news", done=1), "the event news is not declared"),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_told(
    path: str, status: int, media_type: str, body: Any, reason: str
) -> None:
    found = fault(path, status, media_type, body)
    assert found is not None and reason in found
