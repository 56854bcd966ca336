"""An ASGI application as a transport: the service in this process, without sockets."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import httpx2

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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="brightfield-in-process", daemon=True
        )
        self._thread.start()
        self._lifespan = _Lifespan(app)
        try:
            self._await(self._lifespan.start())
        except BaseException:
            self._stop_loop()
            raise

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = _Exchange(request.read(), self._loop)
        timeout = request.extensions.get("timeout", {}).get("read")
        exchange.run(self._app, _scope(request))
        return exchange.response(request, timeout)

    def close(self) -> None:
        """Stop the application, then the event loop."""
        if self._loop.is_closed():
            return
        # What is cut off now fails, and nobody is left to be told of it.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        try:
            self._await(self._lifespan.stop(), STOP)
            self._await(_cancel_the_rest(), STOP)
        finally:
            self._stop_loop()

    def _await(self, work: Any, timeout: float | None = None) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


class _Lifespan:
    """The application's start and stop, on its event loop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        await self._tell("startup")

    async def stop(self) -> None:
        await self._tell("shutdown")
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        try:
            await self._app(scope, self._inbox.get, self._outbox.put)
        except Exception as fault:
            await self._outbox.put({"type": "failed", "message": str(fault)})

    async def _tell(self, phase: str) -> None:
        await self._inbox.put({"type": f"lifespan.{phase}"})
        answer = await self._outbox.get()
        if answer["type"] != f"lifespan.{phase}.complete":
            reason = answer.get("message") or "it gives no reason"
            raise RuntimeError(f"The service's {phase} failed: {reason}")


@dataclass
class _Exchange:
    """One request on its way through the application."""

    body: bytes
    loop: asyncio.AbstractEventLoop
    _messages: queue.SimpleQueue[Message | None] = field(default_factory=queue.SimpleQueue)
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _future: Future[None] | None = None
    _read: bool = False

    def run(self, app: App, scope: MutableMapping[str, Any]) -> None:
        self._future = asyncio.run_coroutine_threadsafe(
            app(scope, self._receive, self._send),  # type: ignore[arg-type]
            self.loop,
        )
        self._future.add_done_callback(lambda _: self._messages.put(None))

    async def _receive(self) -> Message:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._messages.put(message)

    def response(self, request: httpx2.Request, timeout: float | None) -> httpx2.Response:
        """The answer from its head on. Raises httpx2's errors as a network would."""
        head = self._next(request, timeout)
        if head is None:
            raise httpx2.ReadError(f"the service broke off: {self._fault()}", request=request)
        stream = _Stream(self, request, timeout)
        return httpx2.Response(head["status"], headers=head.get("headers", []), stream=stream)

    def chunks(self, request: httpx2.Request, timeout: float | None) -> Iterator[bytes]:
        more = True
        while more:
            message = self._next(request, timeout)
            if message is None:
                raise httpx2.ReadError(f"the service broke off: {self._fault()}", request=request)
            yield message.get("body", b"")
            more = message.get("more_body", False)

    def leave(self) -> None:
        """Tell the application that nobody reads any longer."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._left.set)

    def _next(self, request: httpx2.Request, timeout: float | None) -> Message | None:
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            self.leave()
            raise httpx2.ReadTimeout("no answer in time", request=request) from None

    def _fault(self) -> str:
        fault = None if self._future is None else self._future.exception()
        return repr(fault) if fault else "it sent no whole answer"


class _Stream(httpx2.SyncByteStream):
    def __init__(self, exchange: _Exchange, request: httpx2.Request, timeout: float | None) -> None:
        self._exchange = exchange
        self._request = request
        self._timeout = timeout

    def __iter__(self) -> Iterator[bytes]:
        return self._exchange.chunks(self._request, self._timeout)

    def close(self) -> None:
        self._exchange.leave()


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
