"""A field of 4096 x 4096 pixels: memory, and what it costs those who ask for something else.

    python benchmarks/large_field.py [--side 4096] [--json FILE]

Starts a service, sends one field after another to /segment (and once to /superresolve) and
watches the service's resident memory, while a client keeps asking /classify. Reported are the
seconds per field, the memory before and its peak, and the latency of /classify alone and
meanwhile, beside the time that one tile takes. The field is made of cell images that come with
scikit-image.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from load import Load, Report, photographs, run, started
from skimage import data
from skimage.transform import resize

from brightfield.images import encode

MIB = 2**20
ENDPOINTS = ("segment", "superresolve")


@dataclass(frozen=True)
class Measured:
    """One kind of field. Latencies of /classify are milliseconds at the 95th percentile."""

    endpoint: str
    seconds: float
    before_mib: float
    peak_mib: float
    classify_alone_ms: float
    classify_meanwhile_ms: float
    tile_ms: float

    @property
    def ratio(self) -> float:
        """Latency meanwhile over that alone, less the tile that a request may have to wait for."""
        return (self.classify_meanwhile_ms - self.tile_ms) / self.classify_alone_ms


def field(side: int) -> bytes:
    """A PNG of (side, side) with cells of several sizes all over it."""
    cells = data.cell()
    random = np.random.default_rng(0)
    picture = np.zeros((side, side), np.float32)
    step = 512
    for y in range(0, side, step):
        for x in range(0, side, step):
            turned = np.rot90(cells[:512, :512], random.integers(4))
            part = resize(turned, (min(step, side - y), min(step, side - x)))
            picture[y : y + part.shape[0], x : x + part.shape[1]] = part
    return encode.png(np.rint(255 * picture).astype(np.uint8))


def post(url: str, body: bytes) -> tuple[float, bytes]:
    """Seconds of one request, and the reply."""
    begin = time.perf_counter()
    request = urllib.request.Request(url, body, {"X-Request-Timeout": "3600"})
    with urllib.request.urlopen(request, timeout=3600) as reply:
        content = reply.read()
    return time.perf_counter() - begin, content


class Watch:
    """The greatest resident memory of a process, in MiB, looked at 50 times a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.peak = self.now()

    def now(self) -> float:
        return self._process.memory_info().rss / MIB

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _look(self) -> None:
        while True:
            self.peak = max(self.peak, self.now())
            await asyncio.sleep(0.02)


def tile_ms(url: str, body: bytes) -> float:
    """Milliseconds that a tile of a smaller field takes: the least of three means. The first
    request loads the model and does not count."""
    answers = [json.loads(post(f"{url}?format=json", body)[1]) for _ in range(4)]
    return min(_per_tile(answer["timing_ms"], answer["image"]["tiles"]) for answer in answers[1:])


def _per_tile(timing: Mapping[str, float], tiles: int) -> float:
    """A field of one tile goes through the stages of all images; of more, `tiles` is the time."""
    return timing.get("tiles", timing.get("forward", 0.0)) / tiles


async def classified(base: str, pid: int, load: Load) -> Report:
    return await run(f"{base}/classify", photographs(), load, server_pid=pid)


async def measured(base: str, endpoint: str, body: bytes, small: bytes, pid: int) -> Measured:
    url = f"{base}/{endpoint}"
    tile = await asyncio.to_thread(tile_ms, url, small)
    alone = await classified(base, pid, Load(clients=1, seconds=10, warmup=5))
    async with Watch(pid) as watch:
        before = watch.now()
        work = asyncio.create_task(asyncio.to_thread(post, f"{url}?format=tiff", body))
        reports: list[Report] = []
        while not work.done():
            reports.append(await classified(base, pid, Load(clients=1, seconds=5)))
        seconds, _ = await work
    return Measured(
        endpoint=endpoint,
        seconds=seconds,
        before_mib=before,
        peak_mib=watch.peak,
        classify_alone_ms=alone.latency_ms["p95"],
        classify_meanwhile_ms=statistics.median(
            r.latency_ms["p95"] for r in reports[:-1] or reports
        ),
        tile_ms=tile,
    )


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """A service of its own with an empty data folder and no log lines."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BRIGHTFIELD_DATA": folder, "BRIGHTFIELD_LOG_LEVEL": "warning"}
        os.environ["BRIGHTFIELD_TIMEOUT"] = "3600"
        yield


async def main(given: argparse.Namespace) -> None:
    base = f"http://127.0.0.1:{given.port}"
    os.environ["BRIGHTFIELD_PORT"] = str(given.port)
    body, small = field(given.side), field(1024)
    with environment():
        command = f"{sys.executable} -m brightfield"
        async with started(command, f"{base}/classify") as pid:
            rows = [await measured(base, each, body, small, pid) for each in ENDPOINTS]
    for row in rows:
        print(f"\n/{row.endpoint} of {given.side} x {given.side} pixels")
        for name, value in {**asdict(row), "ratio": row.ratio}.items():
            print(f"  {name:<24}{value if isinstance(value, str) else round(value, 2)}")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--side", type=int, default=4096, help="pixels (4096)")
    parser.add_argument("--port", type=int, default=8767)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
