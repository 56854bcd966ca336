"""What a request costs the service beside decode, preprocess and forward, and where it goes.

    python benchmarks/overhead.py [--rounds 5] [--seconds 6] [--json FILE]

CPU milliseconds of the service's process per /classify of a JPEG of 320 x 240, at 1 and 32 clients,
with a model that does nothing (`noop/`). `metered.py` counts in the service's own threads what
decode, preprocess and forward take; the overhead is the rest, by the thread that has it:

- *loop*: the event loop's thread: HTTP, the door, parameters, admission, the reply;
- *decoders*: taking an image off the line and putting it into the lane's;
- *lane*: forming a batch, and giving each item its part;
- *others*: all other threads.

*bare* is what uvicorn with the same parser and event loop takes to read such a body and to send a
reply of the same size: the floor of every service that is built on it. The two alternate.

CPU time also depends on who else uses the machine: run it on an idle one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import statistics
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from load import Load, Report, photographs, run, started
from metered import THREAD, WORK
from starlette.types import Receive, Scope, Send

HERE = Path(__file__).parent
CLIENTS = (1, 32)
_KINDS = {"MainThread": "loop", "decode": "decoders", "lane": "lane"}
_LINE = re.compile(rf'^({WORK}|{THREAD}){{of="([^"]+)"}} (\S+)$', re.MULTILINE)


@contextlib.contextmanager
def environment(**settings: str) -> Iterator[None]:
    """A service of its own: an empty data folder, the model that does nothing, no log lines."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as data:
        settings = {
            "data": data,
            "models": str(HERE),
            "trust_model_code": "true",
            "log_level": "warning",
            **settings,
        }
        os.environ |= {f"BRIGHTFIELD_{name.upper()}": value for name, value in settings.items()}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= before


@dataclass(frozen=True)
class Spent:
    """CPU seconds so far: of the work on images by its stage, and of the threads by their kind."""

    work: Mapping[str, float]
    threads: Mapping[str, float]

    @classmethod
    def by(cls, base: str) -> Spent:
        """What the metered service tells."""
        with urllib.request.urlopen(f"{base}/metrics") as reply:
            lines = _LINE.findall(reply.read().decode())
        threads: defaultdict[str, float] = defaultdict(float)
        for name, of, value in lines:
            if name == THREAD:
                threads[_KINDS.get(of, "others")] += float(value)
        return cls({of: float(v) for name, of, v in lines if name == WORK}, threads)

    def since(self, before: Spent, requests: int) -> dict[str, float]:
        """Milliseconds per request of each stage, and of each kind of thread beside them."""
        work = {of: 1e3 * (v - before.work[of]) / requests for of, v in self.work.items()}
        threads = {
            kind: 1e3 * (v - before.threads.get(kind, 0.0)) / requests
            for kind, v in self.threads.items()
        }
        threads["decoders"] -= work["decode"] + work["preprocess"]
        threads["lane"] -= work["forward"]
        kinds = ("loop", "decoders", "lane", "others")
        return work | {kind: threads.get(kind, 0.0) for kind in kinds}


async def measured(
    url: str, bodies: Sequence[bytes], clients: int, seconds: float, pid: int
) -> Report:
    load = Load(clients=clients, seconds=seconds, warmup=8 * clients)
    report = await run(url, bodies, load, server_pid=pid)
    if set(report.statuses) != {"200"}:
        raise SystemExit(f"not every request succeeded: {dict(report.statuses)}")
    return report


async def of_the_service(
    base: str, bodies: Sequence[bytes], clients: int, seconds: float, pid: int
) -> dict[str, float]:
    """The parts of a request's CPU milliseconds, and their sum over all that is overhead."""
    url = f"{base}/classify?model=noop"
    await measured(url, bodies, clients, 1, pid)
    before = Spent.by(base)
    report = await measured(url, bodies, clients, seconds, pid)
    answered = report.requests + 8 * clients  # the meters have counted the warm-up, too
    parts = Spent.by(base).since(before, answered)
    assert report.server_cpu_s is not None
    total = 1e3 * report.server_cpu_s / report.requests
    work = sum(parts[stage] for stage in ("decode", "preprocess", "forward"))
    return {"all": total, **parts, "overhead": total - work}


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, and answers as much as /classify does."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    body = b"x" * 1200
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(b"x-header-%d" % number, b"of some length") for number in range(10)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def costs(given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each round and number of clients."""
    base, floor = (f"http://127.0.0.1:{given.port + shift}" for shift in (0, 1))
    bodies = photographs(sizes=((320, 240),))
    service = f"{sys.executable} {HERE / 'metered.py'}"
    other = f"{sys.executable} {__file__} --bare --port {given.port + 1}"
    rows = []
    # Nothing else is loaded, converted or compiled meanwhile.
    with environment(port=str(given.port), preload="false", backend="eager"):
        async with started(service, base) as pid, started(other, floor) as floor_pid:
            for _, clients in itertools.product(range(given.rounds), CLIENTS):
                least = await measured(floor, bodies, clients, given.seconds / 2, floor_pid)
                parts = await of_the_service(base, bodies, clients, given.seconds, pid)
                assert least.server_cpu_s is not None
                parts["bare"] = 1e3 * least.server_cpu_s / least.requests
                rows.append({"clients": clients, **parts})
    return rows


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    print(f"\n{title}")
    print("  ".join(f"{name:>11}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value:>11.3f}" for value in row.values()))


def report(rows: Sequence[Mapping[str, Any]]) -> None:
    """Every row, and the median over the rounds for each number of clients."""
    table("CPU milliseconds per request with a model that does nothing", rows)
    medians = [
        {name: statistics.median(row[name] for row in of) for name in rows[0]}
        for of in ([row for row in rows if row["clients"] == clients] for clients in CLIENTS)
    ]
    table("Medians", medians)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="alternations (5)")
    parser.add_argument("--seconds", type=float, default=6, help="length of each measurement (6)")
    parser.add_argument("--port", type=int, default=8766, help="this one and the next are used")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--bare", action="store_true", help="be the server to compare with")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.bare:
        uvicorn.run(bare, port=given.port, log_level="error", access_log=False, http="httptools")
        return
    rows = asyncio.run(costs(given))
    report(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
