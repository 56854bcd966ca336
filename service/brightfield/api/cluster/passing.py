"""A request for a model that another process serves, passed on there once, as it came.

The other process looks at it as at any caller's: the key, the host, its own limits. The header that
says that a request was passed on only keeps it from being passed on again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.cluster.pools import Pools
from brightfield.api.wire.heads import Header
from brightfield.api.wire.security_headers import ADDED
from brightfield.outages import ReplyLost
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.store.replicas import Replica

if TYPE_CHECKING:
    import httpx2

PASSED_ON: Final = "x-brightfield-passed-on"
"""Names the process that has passed a request on."""

_CONNECT = 3.0  # seconds after which a machine that doesn't answer isn't there
_KEPT = 32  # connections that wait for the next request

# What is about a connection alone (RFC 9110, 7.6.1).
_HOPS = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
     b"upgrade", b"http2-settings", b"expect"}
)  # fmt: skip
# The origin has been looked at here; the other process's answer to it would stand beside ours.
_NOT_SENT = _HOPS | {b"origin", b"content-length", b"x-request-id", b"x-request-timeout",
                     PASSED_ON.encode()}  # fmt: skip
# What this process says of each reply of its own.
_NOT_RETURNED = _HOPS | ADDED | {b"x-request-id", b"server", b"date"}


class Passing:
    """Passes requests on. Its connections are made when the first is passed on."""

    def __init__(
        self, own_id: str, pools: Pools, certificate: Path | None, telemetry: Telemetry
    ) -> None:
        self.pools = pools
        self._own_id = own_id
        self._certificate = certificate
        self._telemetry = telemetry
        self._client: asyncio.Future[httpx2.AsyncClient] | None = None

    async def answer(
        self, request: Request, body: bytes, models: Collection[str], ticket: Ticket
    ) -> Response:
        """The reply of another process, whose body is still to come.

        One that isn't there is passed over. Raises `ModelNotServed` if none serves the models, none
        answers, or the request was passed on before; `ReplyLost` if one ends while it answers.
        """
        if PASSED_ON in request.headers:
            raise self.pools.refusal(
                models, " Another process took this one for one that does; both are to be told so."
            )
        client = await self._opened()
        for replica in self.pools.able(models):
            with self.pools.asking(replica):
                if (reply := await self._asked(client, replica, request, body, ticket)) is not None:
                    self._telemetry.passed_on.inc()
                    return reply
            self.pools.silent(replica)
        raise self.pools.refusal(models, "")

    async def close(self) -> None:
        """End all connections."""
        if self._client is not None:
            await (await self._client).aclose()

    async def _asked(
        self,
        client: httpx2.AsyncClient,
        replica: Replica,
        request: Request,
        body: bytes,
        ticket: Ticket,
    ) -> Response | None:
        """The reply; None if nobody is there."""
        import httpx2

        query = request.scope["query_string"]
        path = quote(get_route_path(request.scope)) + (
            f"?{query.decode('latin-1')}" if query else ""
        )
        passed = httpx2.Request(
            request.method,
            f"{replica.scheme}://{replica.address}{path}",
            headers=self._headers(request, body, ticket),
            content=body,
        )
        try:
            return PassedReply(await client.send(passed, stream=True))
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return None
        except httpx2.TransportError as fault:
            raise ReplyLost(
                "The process that serves the model ended while it answered "
                f"({type(fault).__name__}); ask again.",
                retry_after=1,
            ) from None

    def _headers(self, request: Request, body: bytes, ticket: Ticket) -> list[Header]:
        """Those that came, with the id and the time that the request has here. Its Host, too: the
        other process is called by the name of the service, as behind a balancer."""
        kept = [pair for pair in request.scope["headers"] if pair[0] not in _NOT_SENT]
        return [
            *kept,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request.scope["request_id"].encode("latin-1")),
            (b"x-request-timeout", b"%.3f" % max(0.001, ticket.remaining)),
            (PASSED_ON.encode(), self._own_id.encode()),
        ]

    async def _opened(self) -> httpx2.AsyncClient:
        """The client; made once, in a thread, since its import takes a while."""
        if self._client is None:
            self._client = asyncio.ensure_future(asyncio.to_thread(_client, self._certificate))
        return await asyncio.shield(self._client)


class PassedReply(Response):
    """Another process's reply, sent on as it comes."""

    def __init__(self, reply: httpx2.Response) -> None:
        self._reply = reply
        self.status_code = reply.status_code
        self.background = None
        self.raw_headers = _returned(reply.headers.raw)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A reply that breaks off here is broken off there."""
        try:
            status, headers = self.status_code, self.raw_headers
            await send({"type": "http.response.start", "status": status, "headers": headers})
            async for part in self._reply.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._reply.aclose()


def _returned(headers: Sequence[Header]) -> list[Header]:
    lowered = [(name.lower(), value) for name, value in headers]
    return [pair for pair in lowered if pair[0] not in _NOT_RETURNED]


def _client(certificate: Path | None) -> httpx2.AsyncClient:
    """Without the machine's proxies: processes of a service reach each other. Their certificate,
    which they may have signed themselves, is trusted besides those that the system trusts."""
    import httpx2

    trusted = ssl.create_default_context()
    if certificate is not None:
        trusted.load_verify_locations(certificate)
    return httpx2.AsyncClient(
        trust_env=False,
        verify=trusted,
        timeout=httpx2.Timeout(None, connect=_CONNECT),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=_KEPT),
    )
