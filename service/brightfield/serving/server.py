"""uvicorn's server, which ends within a time that is set, whatever runs."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.api.http1 import Http1
from brightfield.engine.engine import Engine
from brightfield.runtime.ending import TimeLeft
from brightfield.serving.greeting import greeting
from brightfield.serving.interpreter import set_up_for_service
from brightfield.serving.last_words import POOL, last_words
from brightfield.settings import Settings

log = logging.getLogger(__name__)

# Shares of `stop_timeout`, each counted from its beginning.
_ANSWERED = 0.6
_REFUSED = 0.66
_ENDED = 0.85

# Tenths of a second that a new connection has for its first request when the service stops.
_FIRST_LOOKS = 10

# Seconds for which an idle connection is kept, so that a client who was told to wait comes back by
# the same one, and is known again.
_IDLE = 75


class Server(uvicorn.Server):
    """Answers until it is asked to stop, then has a fixed time, in which

    - requests that have come are answered, or refused with `service_stopping` when 60 % is over;
    - the lifespan ends jobs, threads and the store;
    - at 85 % the process ends, whatever still runs; the log names it.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self.lifespan_faults = faults = LifespanFaults(app)
        super().__init__(_config(faults, settings))
        self.exit_code = 0
        self._app = app
        self.engine: Engine = app.state.engine
        self._timeout = settings.stop_timeout
        self._stopping: TimeLeft | None = None
        self._signalled = False
        self.says_where = True
        """Whether to greet at the start."""
        self.on_started: Callable[[], object] = gc.collect
        """Called once the service answers."""
        self.leaves_group = False
        """Whether nobody else is left to end the processes that were started here."""

    def stop(self, exit_code: int = 0) -> None:
        """Stop, from whichever thread; `run` returns within the time that is set."""
        if self._stopping is not None:
            return
        self.exit_code = exit_code
        self._stopping = TimeLeft(_ENDED * self._timeout)
        self.should_exit = True
        if not self.started:  # nothing was accepted yet, and a load may take its time
            self.end_process()
        threading.Thread(target=self._end, name="end", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops, a second one ends the process at once."""
        if self._signalled:
            os._exit(128 + sig)
        self._signalled = True
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        set_up_for_service()
        self.on_started()
        listening = [each for server in self.servers for each in server.sockets]
        if self.started and listening and self.says_where:
            host = self.config.host
            name = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            scheme = "https" if self.config.is_ssl else "http"
            print(greeting(f"{scheme}://{name}:{listening[0].getsockname()[1]}"), flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping; requests that have come have %.0f s", _ANSWERED * self._timeout)
        for _ in range(2):  # who has connected is let in: the end of a socket resets who waits
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        self._app.state.services.jobs.hang_up()
        await self._first_requests()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._done(by=_ANSWERED):
            log.warning("%d requests are refused: there is no more time", len(self._running))
            self._app.state.stopping = True
            for task in self._running:
                task.cancel()
            await self._done(by=_REFUSED)
        await self.lifespan.shutdown()
        if lost := last_words(self.engine, POOL):
            log.error("threads that do not end are given up: %s", lost)
            self.end_process()

    async def _first_requests(self) -> None:
        """Wait until what has arrived is read, and is a request: shortly, and a little longer for
        connections that were accepted and have not asked yet, since who connects does so to ask."""
        for _ in range(_FIRST_LOOKS):
            await asyncio.sleep(0.1)
            if all(getattr(each, "cycle", None) for each in self.server_state.connections):
                return

    @property
    def _running(self) -> set[asyncio.Task[None]]:
        return self.server_state.tasks

    async def _done(self, by: float) -> bool:
        """Whether all is answered and closed before that share of the time is over."""
        left = self._stopping or TimeLeft(0.0)
        rest = (_ENDED - by) * self._timeout
        while self._running or self.server_state.connections:
            if left.seconds <= rest:
                return False
            await asyncio.sleep(0.02)
        return True

    def _end(self) -> None:
        """End the process when the time is over, if it hasn't ended by then."""
        left = self._stopping or TimeLeft(0.0)
        threading.Event().wait(left.seconds)
        lost = last_words(self.engine)
        log.error("the time to stop is over; threads that are given up: %s", lost or "none")
        self.end_process()

    def end_process(self) -> None:
        """End the process as it is, whatever runs in it; without a supervisor also the processes
        that it has started."""
        logging.shutdown()
        if self.leaves_group and hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(self.exit_code)


class LifespanFaults:
    """An application whose lifespan fails quietly: what went wrong is kept instead of printed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.fault: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def without_traceback(message: Message) -> None:
            await send({"type": message["type"]})

        try:
            await self._app(scope, receive, without_traceback)
        except BaseException as fault:
            self.fault = fault


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    options: dict[str, Any] = {"http": Http1, "ws": "none", "log_config": None}
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        limit_concurrency=settings.max_connections,
        proxy_headers=False,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        timeout_keep_alive=_IDLE,
        **options,
    )
