"""The short way to the endpoints that are asked most."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from brightfield.api.problems import problem_response
from brightfield.errors import BrightfieldError


class DirectRoutes:
    """Sends POSTs to the image endpoints (`direct`, by path) straight there.

    They are many, and finding the route costs three times what else HTTP's side of them does
    (decision 7, measured by benchmarks/routing.py).
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        endpoint = self._direct.get(scope["path"])
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except BrightfieldError as fault:
            await problem_response(fault, scope["request_id"])(scope, receive, send)
