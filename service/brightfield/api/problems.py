"""Every error as `application/problem+json` (RFC 9457), by one handler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from brightfield.api.wire.methods import allowed_methods
from brightfield.errors import (
    BodyTooSlow,
    BrightfieldError,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    TooManyBytes,
    nearest,
)
from brightfield.frames import without_frames

MEDIA_TYPE = "application/problem+json"
_SHOWN = 200


def problem(fault: BrightfieldError, request_id: str) -> dict[str, Any]:
    """The members of the problem document. The fault is told by it and keeps nothing else."""
    without_frames(fault)
    document: dict[str, Any] = {
        "type": f"urn:brightfield:problem:{fault.code}",
        "title": fault.title,
        "status": fault.status,
        "detail": fault.detail,
        "code": fault.code,
        "request_id": request_id,
        "retryable": fault.retryable,
    }
    if fault.errors:
        document["errors"] = [dict(error) for error in fault.errors]
    return document


def problem_response(fault: BrightfieldError, request_id: str) -> Response:
    body = orjson.dumps(problem(fault, request_id), default=str)
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(fault.retry_after)))
    if fault.status == BodyTooSlow.status:
        headers["Connection"] = "close"  # what is still to come of the body is read by nobody
    return Response(body, fault.status, headers, MEDIA_TYPE)


def unexpected() -> BrightfieldError:
    """What a client is told of an error that nobody foresaw: nothing of the inside."""
    return BrightfieldError(
        "Something went wrong that should not; the service's log says what, under the request's id."
    )


def request_id_of(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


def install(app: FastAPI) -> None:
    """Register the handlers."""

    @app.exception_handler(BrightfieldError)
    async def known(request: Request, fault: BrightfieldError) -> Response:
        return problem_response(fault, request_id_of(request))

    @app.exception_handler(HTTPException)
    async def routed(request: Request, fault: HTTPException) -> Response:
        root = request.scope.get("app_root_path", "")  # a mounted app's own root is another
        allowed = allowed_methods(request.app.routes, {**request.scope, "root_path": root})
        headers = {"Allow": ", ".join(allowed)} if allowed else {}
        if allowed and request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        without_frames(fault)
        response = problem_response(_translated(fault, request, allowed), request_id_of(request))
        if response.status_code == MethodNotAllowed.status:
            response.headers.update(headers)
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, fault: RequestValidationError) -> Response:
        without_frames(fault)
        return problem_response(_invalid(fault), request_id_of(request))


def _invalid(fault: RequestValidationError) -> InvalidParameter:
    errors = [
        {"location": str(error["loc"][-1]), "expected": error["msg"], "received": error["input"]}
        for error in fault.errors()
    ]
    sentences = "; ".join(f"{e['location']}={e['received']}: {e['expected']}" for e in errors)
    return InvalidParameter(f"{sentences}.", errors=errors)


def _translated(fault: HTTPException, request: Request, allowed: Sequence[str]) -> BrightfieldError:
    path = request.url.path[:_SHOWN]
    if fault.status_code == 404:
        # Of the routes: the document would be made for this, in seconds of the event loop.
        paths = sorted({each.path for each in iter_route_contexts(request.app.routes) if each.path})
        return NotFound(f"There is nothing at {path}.{nearest(path, paths)} /docs lists all paths.")
    if fault.status_code == 405:
        method = request.scope.get("asked_method", request.method)
        return MethodNotAllowed(f"{path} does not know {method}. It knows {', '.join(allowed)}.")
    if fault.status_code == 413:
        return TooManyBytes(str(fault.detail))
    return unexpected()
