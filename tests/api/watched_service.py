"""The service with a watch on its event loop, as a process of its own: `watched_service.py PORT`.

GET /longest-stall answers the seconds for which the loop stood still longest since it was asked
last. Clients in the same process would hold the interpreter's lock, which stops the loop as well.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from brightfield.api.app import create_app
from brightfield.api.http1 import Http1
from brightfield.serving.server import tune_interpreter
from brightfield.settings import Settings

_TICK = 0.005


class Watch:
    """Ticks on the loop; the longest gap between two ticks, less what a tick takes by itself.

    A machine that is busy delays the process too. A thread that only sleeps ticks beside it: what
    delays it as well, though it needs no lock for its sleep, isn't the loop's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._longest = 0.0
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._started:
            self._started = True
            self._task = asyncio.create_task(self._tick())
        if scope["type"] == "http" and scope["path"] == "/longest-stall":
            longest, self._longest = self._longest, 0.0
            body = b"%.4f" % longest
            head: Any = {"type": "http.response.start", "status": 200, "headers": [
                (b"content-length", b"%d" % len(body))]}  # fmt: skip
            await send(head)
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            self._longest = max(self._longest, now - last - _TICK)
            last = now


def main() -> None:
    app = create_app(Settings(port=int(sys.argv[1])))
    tune_interpreter()
    config = uvicorn.Config(
        Watch(app), port=int(sys.argv[1]), http=Http1, log_level="warning", access_log=False
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    main()
