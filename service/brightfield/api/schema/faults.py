"""Which problems an operation can answer, by their status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from brightfield.api.schema.responses import FAULT
from brightfield.api.schema.shapes.shape import Schema

_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds until asking again helps, if that is known.",
        "schema": {"type": "string"},
    }
}
_MEANINGS: Mapping[int, str] = {
    400: "The request can't be read: its head, its body, or an image in it",
    403: "A foreign host or origin",
    404: "An id that isn't there",
    405: "A method that the path doesn't know; `Allow` names those that it knows",
    406: "A form that the endpoint doesn't have",
    408: "The request came too slowly; the connection is closed",
    409: "The current state forbids it",
    413: "More bytes, pixels or images than the service takes, or a reply that is too large",
    415: "A format that can't be read",
    422: "Well-formed but wrong",
    429: "More than the service allows at once",
    431: "Path, query and headers have more bytes than the service takes; the connection is closed",
    500: "A fault of the service, which its log explains",
    503: "A model, the store or the service can't answer now",
    504: "The deadline passed",
    507: "The disk of the store is full",
}
_OF_ANY = (400, 403, 405, 408, 431, 500, 503)
_OF_QUESTIONS = (404, 406, 409, 413, 422, 429, 504, 507)
_OF_BODIES = (415,)
_RESULT = "/jobs/{job_id}/result"
_WAITS = (429, 503, 507)


def fault_components() -> dict[str, Any]:
    """The problems that operations share."""
    return {
        _name(status): {
            **FAULT,
            "description": meaning,
            **({"headers": _RETRY_AFTER} if status in _WAITS else {}),
        }
        for status, meaning in _MEANINGS.items()
    }


def declare_faults(paths: Mapping[str, Any]) -> None:
    """Add to each operation the problems that it can answer, in place of a word for all."""
    for path, operations in paths.items():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("default", None)
            for status in _faults_of(path, operation):
                reference = {"$ref": f"#/components/responses/{_name(status)}"}
                responses.setdefault(str(status), reference)
            operation["responses"] = dict(sorted(responses.items()))


def _faults_of(path: str, operation: Schema) -> Iterator[int]:
    """What has neither parameters nor a body can't be asked wrongly; the result of a job is that of
    a request with a body."""
    yield from _OF_ANY
    if operation.get("parameters") or "requestBody" in operation:
        yield from _OF_QUESTIONS
    if "requestBody" in operation or path == _RESULT:
        yield from _OF_BODIES


def _name(status: int) -> str:
    return f"Problem{status}"
