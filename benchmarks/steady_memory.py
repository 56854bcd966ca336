"""Memory of a service over thousands of requests for images of ever new sizes.

    python benchmarks/steady_memory.py [--requests 20000] [--clients 4] [--heavy 0.1] [--json FILE]

Starts `brightfield serve` with its default settings, waits until its default models are loaded and
it is settled by what they are run, and sends crops of a photograph with sides of 100 to 1,500
pixels, drawn anew for each request, to every image endpoint. `--heavy` is the share of requests
that take seconds each (enlarging, explanations by hidden parts, patches, fields of cells). Printed
are MB of all processes of the service (proportional set size: pages that processes share are
divided) when it is ready and ten times on the way: at work, and three seconds after.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import random
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx2
import psutil
from PIL import Image
from settled import wait_until_settled
from skimage import data

LIGHT = (
    "classify", "embed", "saliency", "saliency?method=grad_cam", "activations?layer=blocks.6",
)  # fmt: skip
HEAVY = (
    "detect", "segment", "superresolve", "patches?layer=blocks.6", "occlusion?window=64&stride=64",
    "occlusion?method=rise&masks=32", "saliency?method=integrated_gradients&steps=8",
)  # fmt: skip
_SIDES = 100, 1500
_REST = 3.0


class Memory(NamedTuple):
    """Megabytes of the processes of a service: of all, and of the largest (its resident set)."""

    all: float
    worker: float

    @classmethod
    def of(cls, root: psutil.Process) -> Memory:
        family = [root, *root.children(recursive=True)]
        found = []
        for each in family:
            with suppress(psutil.Error):
                found.append(each.memory_full_info())
        return cls(sum(each.pss for each in found) / 1e6, max(each.rss for each in found) / 1e6)


class Requests:
    """Endless requests, the same for the same seed."""

    def __init__(self, heavy: float, seed: int = 0) -> None:
        self._draw = random.Random(seed)
        self._heavy = heavy
        self._picture = Image.fromarray(data.astronaut())
        self._turns = {True: itertools.cycle(HEAVY), False: itertools.cycle(LIGHT)}

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        while True:
            path = next(self._turns[self._draw.random() < self._heavy])
            yield f"/{path}", self._image()

    def _image(self) -> bytes:
        size = self._draw.randint(*_SIDES), self._draw.randint(*_SIDES)
        file = io.BytesIO()
        self._picture.resize(size, box=self._box(size)).save(file, "JPEG", quality=85)
        return file.getvalue()

    def _box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """A part of the photograph of that aspect."""
        side = min(self._picture.size) * self._draw.uniform(0.5, 1)
        across, down = (side * length / max(size) for length in size)
        left = self._draw.uniform(0, self._picture.width - across)
        top = self._draw.uniform(0, self._picture.height - down)
        return left, top, left + across, top + down


@contextmanager
def service(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A service with its default settings, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "BRIGHTFIELD_DATA": str(folder)}
    command = [sys.executable, "-m", "brightfield", "serve", "--port", str(port)]
    process = psutil.Popen(command, env=environment)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Run:
    """So many requests of several clients, with a look at the memory after each tenth."""

    def __init__(
        self, process: psutil.Process, client: httpx2.AsyncClient, given: argparse.Namespace
    ) -> None:
        self._process, self._client, self._given = process, client, given
        self._requests = iter(Requests(given.heavy))
        self.statuses: Counter[str] = Counter()
        self.looks: list[tuple[int, Memory, Memory]] = []

    async def all(self) -> None:
        print("requests | at work: all, worker | at rest: all, worker (MB)")
        await self._look(0)
        step = max(1, self._given.requests // 10)
        for done in range(0, self._given.requests, step):
            left = iter(range(min(step, self._given.requests - done)))
            await asyncio.gather(*(self._send(left) for _ in range(self._given.clients)))
            await self._look(done + step)

    async def _send(self, left: Iterator[int]) -> None:
        for _ in left:
            path, body = next(self._requests)
            reply = await self._client.post(path, content=body)
            self.statuses[f"{path.partition('?')[0]} {reply.status_code}"] += 1

    async def _look(self, done: int) -> None:
        busy = Memory.of(self._process)
        await asyncio.sleep(_REST)
        rest = Memory.of(self._process)
        self.looks.append((done, busy, rest))
        print(
            f"{done:6d} | {busy.all:5.0f} {busy.worker:5.0f} | {rest.all:5.0f} {rest.worker:5.0f}",
            flush=True,
        )


async def measure(given: argparse.Namespace) -> Run:
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as (process, address):
        async with httpx2.AsyncClient(base_url=address, timeout=600, trust_env=False) as client:
            await asyncio.to_thread(wait_until_settled, address)
            await asyncio.sleep(_REST)
            run = Run(process, client, given)
            await run.all()
            return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--heavy", type=float, default=0.1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    run = asyncio.run(measure(given))
    print(dict(sorted(run.statuses.items())))
    if given.json:
        given.json.write_text(json.dumps(run.looks))


if __name__ == "__main__":
    main()
