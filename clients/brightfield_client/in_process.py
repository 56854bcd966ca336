"""An ASGI application as a transport: the service in this process, without sockets."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Emit = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Emit], Awaitable[None]]

STOP = 30.0
"""Most seconds that the application may take to stop."""


class InProcess(httpx2.BaseTransport):
    """Runs an ASGI application on an event loop in a thread of its own.

        client = Client("http://localhost", transport=InProcess(app))

    The application is started (its lifespan) with the transport and stopped when the client is
    closed. Answers arrive as they are sent, so streams of events work too; a client that leaves
    early is a disconnect. Raises `RuntimeError` when the application does not start.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        with ExitStack() as running:
            portal = start_blocking_portal(name="brightfield-in-process")
            self._portal = running.enter_context(portal)
            running.callback(self._portal.call, self._portal.stop, True)
            running.enter_context(self._portal.wrap_async_context_manager(_lifespan(app)))
            self._running = running.pop_all()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = _Exchange(self._portal, request)
        self._portal.start_task_soon(exchange.run, self._app)
        head = exchange.message()
        return httpx2.Response(head["status"], headers=head.get("headers", []), stream=exchange)

    def close(self) -> None:
        """Stop the application, then the event loop."""
        self._running.close()


@asynccontextmanager
async def _lifespan(app: App) -> AsyncGenerator[None, None]:
    """The application's start and stop."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()

    async def run() -> None:
        try:
            scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
            await app(scope, inbox.get, outbox.put)
        except Exception as fault:
            await outbox.put({"type": "failed", "message": str(fault)})

    async def tell(phase: str) -> None:
        await inbox.put({"type": f"lifespan.{phase}"})
        answer = await outbox.get()
        if answer["type"] != f"lifespan.{phase}.complete":
            reason = answer.get("message") or "it gives no reason"
            raise RuntimeError(f"The service's {phase} failed: {reason}")

    task = asyncio.create_task(run())
    await tell("startup")
    yield
    async with asyncio.timeout(STOP):
        await tell("shutdown")
        await task


class _Exchange(httpx2.SyncByteStream):
    """One request on its way through the application, and the stream of its answer.

    Raises httpx2's errors as a network would.
    """

    def __init__(self, portal: BlockingPortal, request: httpx2.Request) -> None:
        self._portal = portal
        self._request = request
        self._timeout = request.extensions.get("timeout", {}).get("read")
        self._unread: list[Message] = [{"type": "http.request", "body": request.read()}]
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._left = asyncio.Event()

    async def run(self, app: App) -> None:
        """Have the application answer; its end ends the wait for its messages."""
        reason = "it sent no whole answer"
        try:
            await app(_scope(self._request), self._receive, self._send)
        except Exception as fault:
            reason = repr(fault)
        finally:
            self._messages.put({"type": "end", "reason": reason})

    async def _receive(self) -> Message:
        if self._unread:
            return self._unread.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._messages.put(message)

    def message(self) -> Message:
        """What the application sends next."""
        try:
            message = self._messages.get(timeout=self._timeout)
        except queue.Empty:
            self.close()
            raise httpx2.ReadTimeout("no answer in time", request=self._request) from None
        if message["type"] == "end":
            reason = f"the service broke off: {message['reason']}"
            raise httpx2.ReadError(reason, request=self._request)
        return message

    def __iter__(self) -> Iterator[bytes]:
        more = True
        while more:
            message = self.message()
            yield message.get("body", b"")
            more = message.get("more_body", False)

    def close(self) -> None:
        """Tell the application that nobody reads any longer."""
        with suppress(RuntimeError):  # the portal is closed, and the application has ended
            self._portal.start_task_soon(self._left.set)


def _scope(request: httpx2.Request) -> MutableMapping[str, Any]:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (url.host, url.port or 80),
        "state": {},
    }
