"""The service with a watch on its event loop, as a process of its own: `watched_service.py PORT`.

GET /longest-stall answers for how long the loop stood still longest since it was asked last, as a
share of a yardstick that is measured in the same process: what sorting 400,000 shuffled numbers
takes, .1 s of a processor of 2024. Clients in the same process would hold the interpreter's lock,
which stops the loop as well.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from brightfield.api.app import create_app
from brightfield.api.http1 import Http1
from brightfield.serving.interpreter import set_up_for_service
from brightfield.settings import Settings

_TICK = 0.005
_SORTED = 400_000


def yardstick() -> float:
    """The processor time of one call that nothing else can interrupt; the best of three."""
    values = [random.random() for _ in range(_SORTED)]
    return min(_time_of(values) for _ in range(3))


def _time_of(values: list[float]) -> float:
    start = time.thread_time()
    sorted(values)
    return time.thread_time() - start


class Watch:
    """Ticks on the loop; the longest gap between two ticks, less what a tick takes by itself.

    A machine that is busy with other things delays the process too: a gap counts for no longer
    than the processor time that the process used meanwhile.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._yardstick = yardstick()
        self._longest = 0.0
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._started:
            self._started = True
            self._task = asyncio.create_task(self._tick())
        if scope["type"] == "http" and scope["path"] == "/longest-stall":
            longest, self._longest = self._longest, 0.0
            body = b"%.4f" % (longest / self._yardstick)
            head: Any = {"type": "http.response.start", "status": 200, "headers": [
                (b"content-length", b"%d" % len(body))]}  # fmt: skip
            await send(head)
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)

    async def _tick(self) -> None:
        last, used = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(_TICK)
            now, until_now = time.perf_counter(), time.process_time()
            self._longest = max(self._longest, min(now - last - _TICK, until_now - used))
            last, used = now, until_now


def main() -> None:
    app = create_app(Settings(port=int(sys.argv[1])))
    set_up_for_service()
    config = uvicorn.Config(
        Watch(app), port=int(sys.argv[1]), http=Http1, log_level="warning", access_log=False
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    main()
