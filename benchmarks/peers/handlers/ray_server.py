"""Ray Serve: decoding in the request, `serve.batch` for the network."""

from __future__ import annotations

import sys
import time
from typing import Any

from handler import BATCH, THREADS, WAIT_MS, Network, prepared
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": THREADS})
class Classifying:
    def __init__(self) -> None:
        self._network = Network()

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=WAIT_MS / 1000)
    async def _classified(self, rows: list[Any]) -> list[Any]:
        return self._network(rows)

    async def __call__(self, request: Request) -> Any:
        row = prepared(await request.body())
        return {"predictions": await self._classified(row)}


if __name__ == "__main__":
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Classifying.bind(), route_prefix="/")
    while True:
        time.sleep(60)
