"""What the service does under four times the load that it can carry, and whether its word holds.

    python benchmarks/overload.py [--seconds 60] [--places 256] [--connections kept|fresh] [--open]

Starts a service, measures its peak with as many clients as it has places, and then sends four
times as much for a minute: four times as many clients, each asking again as soon as it is answered,
or with `--open` requests that arrive by chance at four times the peak rate. Who is refused waits
exactly as told and asks again, until it is answered. Tells the answers per second against the peak,
every status, and of those who came back when told, how many were let in.

The aims: no status but 200 and 429, 9 in 10 let in, and 95 % of the peak; else it ends with 1.
Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from large_field import environment
from load import photographs, started

OVER = 4
AIM_HELD, AIM_GOODPUT = 0.9, 0.95


@dataclass
class Seen:
    """What the clients of one phase saw."""

    seconds: float
    statuses: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)
    returned: int = 0
    held: int = 0

    @property
    def goodput(self) -> float:
        """Answers per second."""
        return self.statuses["200"] / self.seconds


class Wire:
    """One client's way to the service: a connection that is kept, or a new one for each request."""

    def __init__(self, url: str, bodies: list[bytes], *, kept: bool) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        close = "" if kept else "Connection: close\r\n"
        self._head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{close}"
        self._bodies = bodies
        self._kept = kept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> tuple[str, int]:
        """The status and its Retry-After, 0 without one."""
        try:
            return await self._ask()
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return "connection", 1

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self) -> tuple[str, int]:
        used = self._streams is not None
        try:
            return await self._exchange()
        except (OSError, asyncio.IncompleteReadError):
            if not used:
                raise
            self.close()  # an idle connection may be closed at any time
            return await self._exchange()

    async def _exchange(self) -> tuple[str, int]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        body = random.choice(self._bodies)
        writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(headers["content-length"]))
        if not self._kept or headers.get("connection") == "close":
            self.close()
        return head[9:12], int(headers.get("retry-after", 0))


async def until_answered(wire: Wire, seen: Seen, end: float) -> None:
    """Ask, and wait as told, until there is an answer or the time is over."""
    told = False
    while True:
        status, wait = await wire.ask()
        if time.perf_counter() >= end:
            return
        seen.statuses[status] += 1
        if told:
            seen.returned += 1
            seen.held += status != "429"
        if status != "429":
            return
        seen.waits.append(wait)
        told = True
        await asyncio.sleep(wait)


async def closed(make: Callable[[], Wire], clients: int, seconds: float) -> Seen:
    """Clients that ask again as soon as they are answered."""
    seen, end = Seen(seconds), time.perf_counter() + seconds

    async def client() -> None:
        wire = make()
        await asyncio.sleep(random.random() * min(1.0, seconds / 10))
        while time.perf_counter() < end:
            await until_answered(wire, seen, end)
        wire.close()

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.wait(tasks, timeout=seconds + 1)
    return await _ended(tasks, seen)


async def opened(make: Callable[[], Wire], rate: float, seconds: float) -> Seen:
    """Requests that arrive by chance, so many a second; each is one client's only one."""
    seen, end = Seen(seconds), time.perf_counter() + seconds
    tasks = []
    at = time.perf_counter()
    while (at := at + random.expovariate(rate)) < end:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        tasks.append(asyncio.create_task(until_answered(make(), seen, end)))
    await asyncio.sleep(max(0.0, end - time.perf_counter()))
    return await _ended(tasks, seen)


async def _ended(tasks: list[asyncio.Task[None]], seen: Seen) -> Seen:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


@dataclass(frozen=True)
class Measured:
    """The outcome; rates are answers per second, waits are seconds."""

    clients: str
    peak: float
    goodput: float
    statuses: dict[str, int]
    refused: int
    returned: int
    held: float
    wait_median: float
    wait_most: int

    @classmethod
    def of(cls, clients: str, peak: Seen, seen: Seen) -> Measured:
        waits = seen.waits or [0]
        return cls(
            clients,
            round(peak.goodput, 2),
            round(seen.goodput, 2),
            dict(seen.statuses),
            len(seen.waits),
            seen.returned,
            round(seen.held / max(1, seen.returned), 3),
            statistics.median(waits),
            max(waits),
        )

    @property
    def faults(self) -> list[str]:
        """Aims that were missed."""
        other = set(self.statuses) - {"200", "429"}
        return [
            *(f"there was {status}" for status in sorted(other)),
            *([f"{self.held:.0%} of the turns held"] if self.held < AIM_HELD else []),
            *(
                [f"the answers are {self.goodput / self.peak:.0%} of the peak"]
                if self.goodput < AIM_GOODPUT * self.peak
                else []
            ),
        ]


async def measured(url: str, given: argparse.Namespace) -> Measured:
    bodies = photographs(sizes=((320, 240),))

    def make() -> Wire:
        return Wire(url, bodies, kept=given.connections == "kept")

    await closed(make, 8, 3)
    peak = await closed(make, given.places, given.peak_seconds)
    if given.open:
        seen = await opened(make, OVER * peak.goodput, given.seconds)
        return Measured.of(f"{OVER * peak.goodput:.0f} arrivals per second", peak, seen)
    seen = await closed(make, OVER * given.places, given.seconds)
    return Measured.of(f"{OVER * given.places} clients", peak, seen)


async def main(given: argparse.Namespace) -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port = given.port or _free_port()
    os.environ |= {
        "BRIGHTFIELD_PORT": str(port),
        "BRIGHTFIELD_MAX_IN_FLIGHT": str(given.places),
        "BRIGHTFIELD_MAX_CONNECTIONS": str(16 * given.places + 1024),
        "BRIGHTFIELD_LOG_LEVEL": "error",
    }
    url = f"http://127.0.0.1:{port}/classify"
    with environment():
        async with started(f"{sys.executable} -m brightfield", url):
            found = await measured(url, given)
    for name, value in asdict(found).items():
        print(f"  {name:<14}{value}")
    for fault in found.faults:
        print(f"missed: {fault}")
    if given.json:
        given.json.write_text(json.dumps(asdict(found), indent=1))
    return 1 if found.faults else 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--seconds", type=float, default=60.0, help="of four times the load (60)")
    add("--peak-seconds", type=float, default=20.0, help="of the peak (20)")
    add("--places", type=int, default=256, help="max_in_flight of the service (256)")
    add("--connections", choices=["kept", "fresh"], default="kept", help="of each client (kept)")
    add("--open", action="store_true", help="arrivals by chance instead of clients that wait")
    add("--port", type=int, help="of the service (a free one)")
    add("--json", type=Path, metavar="FILE", help="write the outcome there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
