"""Every reply of an application in a test is held against the OpenAPI document.

That of `docs/`, which is what every application says of itself, as another test sees to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PROBLEM = "application/problem+json"
_WITHOUT_ROUTE = (400, 401, 403, 404, 405, 408, 429, 431, 500, 503)
_UNDESCRIBED = ("/docs", "/openapi.json", "/redoc", "/static-offline-docs", "/web/")


class Conformance:
    """ASGI around an application: notes every reply that the document does not describe.

    A reply is judged before its last piece goes out, so that a client that has it all finds what
    is wrong with it among the `violations`.
    """

    def __init__(self, app: ASGIApp, violations: list[str]) -> None:
        self._app = app
        self._violations = violations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["path"] + "/").startswith(("//", *_UNDESCRIBED)):
            await self._app(scope, receive, send)
            return
        status, headers, body = 0, {}, bytearray()

        async def judged(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], _text(message["headers"])
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    self._judge(scope, status, headers, bytes(body))
            await send(message)

        await self._app(scope, receive, judged)

    def _judge(self, scope: Scope, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if status == 499 or scope["method"] == "OPTIONS":
            return
        path = getattr(scope.get("route"), "path", None)
        media_type = headers.get("content-type", "").partition(";")[0]
        asked = (path, scope["method"].lower(), status, media_type)
        if scope["method"] == "HEAD":
            wrong = Document.written().fault_of_head(*asked)
        else:
            wrong = Document.written().fault(*asked, body)
        if wrong is not None:
            place = f"{scope['method']} {path or scope['path']} {status} {media_type}"
            self._violations.append(f"{place}: {wrong}")


class Document:
    """What an OpenAPI document says of replies."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._paths = {
            path.replace(":path}", "}"): operations for path, operations in content["paths"].items()
        }
        self._components = content["components"]
        self._validators: dict[str, Draft202012Validator] = {}

    @classmethod
    @cache
    def written(cls) -> Document:
        """That of `docs/`, read once."""
        return cls(json.loads(DOCUMENT.read_text(encoding="utf-8")))

    def fault(
        self, path: str | None, method: str, status: int, media_type: str, body: bytes
    ) -> str | None:
        """What is wrong with a reply; None: nothing."""
        content, wrong = self._declared(path, method, status)
        if wrong is None and media_type not in content and (content or body):
            wrong = f"the media type is not declared; there are {', '.join(content)}"
        if wrong is not None or not (content or body):
            return wrong
        return self._fault_of_body(content.get(media_type, {}).get("schema", {}), media_type, body)

    def fault_of_head(
        self, path: str | None, method: str, status: int, media_type: str
    ) -> str | None:
        """The same of a reply to HEAD, which is GET's without its body."""
        content, wrong = self._declared(path, "get", status)
        if wrong is None and content and media_type not in content:
            return f"the media type is not declared; there are {', '.join(content)}"
        return wrong

    def _declared(
        self, path: str | None, method: str, status: int
    ) -> tuple[Mapping[str, Any], str | None]:
        """The forms of a reply by their media types, and what is wrong with its status."""
        responses = self._responses(path, method, status)
        if responses is None:
            return {}, "the document has no such operation"
        response = responses.get(str(status))
        if response is None:
            return {}, f"the status is not declared; there are {', '.join(responses)}"
        if "$ref" in response:
            response = self._components["responses"][response["$ref"].rpartition("/")[2]]
        return response.get("content", {}), None

    def _fault_of_body(self, schema: Mapping[str, Any], media_type: str, body: bytes) -> str | None:
        if media_type == "text/event-stream":
            return self._fault_of_events(schema["x-events"], body)
        if media_type in ("application/json", PROBLEM):
            return self._mismatch(schema, json.loads(body))
        return None

    def _responses(self, path: str | None, method: str, status: int) -> Mapping[str, Any] | None:
        """A path or a method that is not there has problems alone, of what comes before routes."""
        plain = None if path is None else path.replace(":path}", "}")
        operation = self._paths.get(plain, {}).get(method)
        if operation is not None:
            return operation["responses"]  # type: ignore[no-any-return]
        if status < 400:
            return None
        problem = {"content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        return dict.fromkeys(map(str, _WITHOUT_ROUTE), problem)

    def _fault_of_events(self, schemas: Mapping[str, Any], body: bytes) -> str | None:
        for event in body.decode().split("\n\n"):
            members = dict(line.split(": ", 1) for line in event.splitlines() if line[:1] != ":")
            if not members:
                continue
            if members["event"] not in schemas:
                return f"the event {members['event']} is not declared"
            fault = self._mismatch(schemas[members["event"]], json.loads(members["data"]))
            if fault is not None:
                return f"event {members['event']}: {fault}"
        return None

    def _mismatch(self, schema: Mapping[str, Any], document: Any) -> str | None:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[key] = Draft202012Validator(whole)
        errors = self._validators[key].iter_errors(document)
        found = [leaf for error in errors for leaf in _leaves(error)]
        if not found:
            return None
        # Of the shapes that it might have had, the one that fits the farthest.
        error = max(found, key=lambda each: len(each.absolute_path))
        place = "/".join(map(str, error.absolute_path))
        return f"at {place or 'the top'}: {error.message[:600]}"


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The faults behind "none of these fits"."""
    if not error.context:
        yield error
    for each in error.context or ():
        yield from _leaves(each)


@contextmanager
def watched_applications() -> Iterator[list[str]]:
    """While it is open every application that starts is watched; gives what was found."""
    violations: list[str] = []
    build = FastAPI.build_middleware_stack

    def watched(app: FastAPI) -> ASGIApp:
        return Conformance(build(app), violations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastAPI, "build_middleware_stack", watched)
        yield violations


def _text(headers: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
