"""What a request costs that a process passes on to another one, which serves its model.

    python benchmarks/passing.py [--rounds 4] [--requests 400]

Two services on one PostgreSQL, of which one loads a model that does nothing and the other doesn't.
Requests of a 65 KB JPEG go to one and to the other in turns; CPU milliseconds are those of both
process trees together. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

import httpx2
from cluster import listed, write_noop
from load import Load, photographs, run, started
from postgres import server
from process_trees import cpu_seconds
from separate_nodes import environment

PORT = 8770
WAYS = {"itself": ("noop", PORT), "passed on": ("!noop", PORT + 1)}
CLIENTS = 4


async def main(given: argparse.Namespace) -> None:
    """Both services run; requests go to one and the other in turns."""
    bodies = [each for each in photographs() if 40_000 < len(each) < 120_000][:8]
    words = f"{sys.executable} -m brightfield serve"
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with server() as url, tempfile.TemporaryDirectory() as folder:
        models = write_noop(Path(folder) / "models")
        async with contextlib.AsyncExitStack() as stack:
            pids = []
            for name, (serves, port) in WAYS.items():
                own = {"engine": "uvicorn", "port": port, "serves": serves, "lease": 3}
                os.environ.update(environment(Path(folder) / name, url, models=models, **own))
                pids.append(await stack.enter_async_context(started(words, address(port))))
            await until_known(PORT + 1)
            for _ in range(given.rounds):
                for name, (_, port) in WAYS.items():
                    await run(address(port), bodies, Load(CLIENTS, 40))
                    before = cpu_seconds(*pids)
                    report = await run(address(port), bodies, Load(CLIENTS, given.requests))
                    assert set(report.statuses) == {"200"}, report.statuses
                    found[name].append(1e3 * (cpu_seconds(*pids) - before) / given.requests)
    for name, times in found.items():
        print(f"{name:10} {statistics.median(times):6.2f} ms CPU a request  {listed(times)}")
    ratios = [two / one for one, two in zip(*found.values(), strict=True)]
    print(f"ratio      {statistics.median(ratios):6.2f}  {listed(ratios)}")


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}/classify?model=noop"


async def until_known(port: int) -> None:
    """Until a service knows of the other one."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(100):
            reply = await client.get(f"http://127.0.0.1:{port}/models/noop")
            if reply.json()["replicas"]["serving"] == 1:
                return
            await asyncio.sleep(0.2)
    raise TimeoutError("the services don't know each other")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4, help="turns of each way (4)")
    parser.add_argument("--requests", type=int, default=400, help="requests of a turn (400)")
    asyncio.run(main(parser.parse_args()))
