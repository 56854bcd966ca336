"""HEAD wherever GET is: the same reply less its body."""

from __future__ import annotations

import contextlib
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Answers HEAD as GET, with the headers that GET has and no body.

    A reply that GET sends in one piece has its Content-Length; one that it streams has none, and
    ends after its headers: what would stream it is told that the client has gone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET", "asked_method": "HEAD"}
        reply = _Headers(receive, send)

        async def send_headers(message: Message) -> None:
            if "route" in asked:  # whoever counts the reply looks for it here
                scope["route"] = asked["route"]
            await reply.send(message)

        with contextlib.suppress(_Enough):
            await self._app(asked, reply.receive, send_headers)


class _Enough(Exception):
    """The headers are out, and nobody wants the rest."""


class _Headers:
    """Sends on the headers of a reply, and ends what goes on behind them."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._over = False

    async def receive(self) -> Message:
        return {"type": "http.disconnect"} if self._over else await self._receive()

    async def send(self, message: Message) -> None:
        if self._over:
            raise _Enough
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._over = True
        empty: dict[str, Any] = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(empty)
        if message.get("more_body", False):
            raise _Enough
