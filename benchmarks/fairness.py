"""What four occlusion maps at once cost those who ask for something else.

    python benchmarks/fairness.py [--engine plain] [--json FILE]

Starts a service, measures the latency of /classify for one client alone, and again while four
others keep asking for occlusion maps (window 32, stride 16). The aim: the 95th percentile meanwhile
is at most three times that alone plus one chunk, which is what a request may find on the lane.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from large_field import classified, environment, post
from load import Load, photographs, started

MAPS_AT_ONCE = 4
MODEL = "imagenet-lite0"


@dataclass(frozen=True)
class Measured:
    """Latencies of /classify are milliseconds at the 95th percentile."""

    engine: str
    classify_alone_ms: float
    classify_meanwhile_ms: float
    chunk_ms: float
    maps: int

    @property
    def ratio(self) -> float:
        """Latency meanwhile, less a chunk, over that alone."""
        return (self.classify_meanwhile_ms - self.chunk_ms) / self.classify_alone_ms


class Explaining:
    """Clients that ask for one map after another until they are told to stop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._body = photographs()[0]
        self._stopped = False
        self.maps = 0

    async def __aenter__(self) -> Explaining:
        self._clients = [asyncio.create_task(self._ask()) for _ in range(MAPS_AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped = True
        await asyncio.gather(*self._clients)

    async def _ask(self) -> None:
        while not self._stopped:
            await asyncio.to_thread(post, self._url, self._body)
            self.maps += 1


def chunk_ms(base: str) -> float:
    """A batch of the size that is cheapest per row, as the service has measured it."""
    with urllib.request.urlopen(f"{base}/models/{MODEL}") as reply:
        measured = json.load(reply)["batch_seconds"]
    forward = next(sizes for name, sizes in measured.items() if name.startswith("Forward"))
    _, seconds = min(forward.items(), key=lambda pair: pair[1] / int(pair[0]))
    return 1000 * float(seconds)


async def measured(base: str, engine: str, pid: int) -> Measured:
    url = f"{base}/occlusion?window=32&stride=16&engine={engine}&format=npy"
    await asyncio.to_thread(post, url, photographs()[0])
    alone = await classified(base, pid, Load(clients=1, seconds=10, warmup=5))
    async with Explaining(url) as others:
        meanwhile = await classified(base, pid, Load(clients=1, seconds=20, warmup=3))
    return Measured(
        engine,
        alone.latency_ms["p95"],
        meanwhile.latency_ms["p95"],
        chunk_ms(base),
        others.maps,
    )


async def main(given: argparse.Namespace) -> None:
    base = f"http://127.0.0.1:{given.port}"
    os.environ["BRIGHTFIELD_PORT"] = str(given.port)
    with environment():
        async with started(f"{sys.executable} -m brightfield", f"{base}/classify") as pid:
            rows = [await measured(base, engine, pid) for engine in given.engine]
    for row in rows:
        print(f"\n{MAPS_AT_ONCE} occlusion maps at once, engine={row.engine}")
        for name, value in {**asdict(row), "ratio": row.ratio}.items():
            print(f"  {name:<24}{value if isinstance(value, str) else round(value, 2)}")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", nargs="+", default=["plain", "incremental"])
    parser.add_argument("--port", type=int, default=8768)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
