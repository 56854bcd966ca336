"""The service by Ray Serve against the plain one, and what becomes of it when parts of it die.

    python benchmarks/cluster.py overhead [--rounds 4] [--requests 400]
    python benchmarks/cluster.py nodes [--jobs 200] [--kills 5] [--pause 20]
    python benchmarks/cluster.py two [--rounds 3] [--requests 60]
    python benchmarks/cluster.py head [--requests 600]

*overhead*: CPU milliseconds of whole process trees for one request, of a 65 KB JPEG and a model
that does nothing, through HAProxy to a replica and to the plain service, in turns. *nodes*: two
nodes in namespaces of their own (network, processes, host name) share a PostgreSQL; jobs are posted
while the second one is killed every so many seconds, and their results are compared with the
undisturbed ones. *two*: answers per second of two nodes of one core each against one. *head*: the
first node is killed and started again while requests go on at the second, with its state in Redis.

The namespaces need Linux and root, `head` also `redis-server`. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
from load import Load, photographs, run, started
from postgres import server
from process_trees import cpu_seconds
from separate_nodes import (
    NETWORK,
    PORT,
    SeparateNode,
    environment,
    eventually,
    replicas,
    status,
    two_nodes,
)

HERE = Path(__file__).parent
QUERY = "/saliency?method=smoothgrad&samples=60&seed=1&format=npy"


def write_noop(folder: Path) -> Path:
    """The model that does nothing, for images of 224 x 224."""
    shutil.copytree(HERE / "noop", folder / "noop")
    card = folder / "noop" / "card.toml"
    card.write_text(card.read_text().replace("[32, 32]", "[224, 224]"))
    return folder


# overhead


async def overhead(given: argparse.Namespace) -> None:
    """Both services run; requests go to one and the other in turns."""
    bodies = [each for each in photographs() if 40_000 < len(each) < 120_000][:8]
    words = f"{sys.executable} -m brightfield serve"
    with server() as url, tempfile.TemporaryDirectory() as folder:
        plain = {"engine": "uvicorn", "port": PORT + 1, "database_url": "", "images": ""}
        ray = {"port": PORT + 2, "replicas": 1}
        ways = {"plain": plain, "HAProxy": ray}
        models = write_noop(Path(folder) / "models")
        found: dict[str, list[float]] = {name: [] for name in ways}
        async with contextlib.AsyncExitStack() as stack:
            pids = {}
            for name, settings in ways.items():
                os.environ.update(environment(Path(folder) / name, url, models=models, **settings))
                address = f"http://127.0.0.1:{settings['port']}/classify"
                pids[name] = await stack.enter_async_context(started(words, address))
            for _ in range(given.rounds):
                for name, settings in ways.items():
                    address = f"http://127.0.0.1:{settings['port']}/classify?model=noop"
                    load = Load(clients=4, requests=given.requests, warmup=40)
                    report = await run(address, bodies, load, server_pid=pids[name])
                    assert set(report.statuses) == {"200"}, report.statuses
                    found[name].append(1e3 * (report.server_cpu_s or 0) / given.requests)
            idle = [_idle(pid) for pid in pids.values()]
    for name, times in found.items():
        print(f"{name:8} {statistics.median(times):6.2f} ms CPU a request  {listed(times)}")
    ratios = [two / one for one, two in zip(*found.values(), strict=True)]
    print(f"ratio    {statistics.median(ratios):6.2f}  {listed(ratios)}")
    print(f"without requests: {idle[0]:.3f} and {idle[1]:.3f} cores")


def _idle(pid: int, seconds: float = 10.0) -> float:
    """Cores that a tree of processes takes while nobody asks."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


def listed(values: list[float]) -> str:
    """With two digits."""
    return " ".join(f"{value:.2f}" for value in values)


# nodes in namespaces


def nodes(given: argparse.Namespace) -> None:
    """Jobs are posted at the first node while the second one is killed and started again."""
    image = photographs()[0]
    with two_nodes(replicas=2) as (first, second):
        eventually(lambda: replicas(first) == 2, 300)
        undisturbed = httpx2.post(
            first.address + QUERY, content=image, timeout=300, trust_env=False
        )
        undisturbed.raise_for_status()
        killer = threading.Thread(target=_kill, args=(second, given))
        killer.start()
        accepted = [_post(first, image) for _ in range(given.jobs)]
        killer.join()
        results = [_result(first, job) for job in accepted]
    counts = Counter(each == undisturbed.content for each in results)
    close = sum(_close(each, undisturbed.content) for each in results)
    print(f"{given.jobs} jobs accepted, {len(results)} results, {counts[True]} equal in every bit, "
          f"{close} within 1e-4; the second node was killed {given.kills} times")  # fmt: skip


def _kill(node: SeparateNode, given: argparse.Namespace) -> None:
    for _ in range(given.kills):
        time.sleep(given.pause)
        node.kill()
        print("a node is killed", file=sys.stderr, flush=True)
        node.start()


def _post(node: SeparateNode, image: bytes) -> str:
    """A job, posted until it is accepted, as a caller does who must know."""
    headers = {"Prefer": "respond-async"}
    while True:
        try:
            reply = httpx2.post(
                node.address + QUERY, content=image, headers=headers, timeout=60, trust_env=False
            )
        except httpx2.HTTPError:
            continue
        if reply.status_code == 202:
            time.sleep(0.3)
            return str(reply.json()["id"])
        time.sleep(1.0)


def _result(node: SeparateNode, job: str) -> bytes:
    until = time.monotonic() + 900
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.HTTPError, ValueError):
            told = httpx2.get(f"{node.address}/jobs/{job}", timeout=30, trust_env=False).json()
            if told["state"] in ("failed", "cancelled"):
                raise AssertionError(told)
            if told["state"] == "succeeded":
                return httpx2.get(
                    f"{node.address}/jobs/{job}/result", timeout=60, trust_env=False
                ).content
        time.sleep(0.5)
    raise TimeoutError(job)


def _close(one: bytes, two: bytes) -> bool:
    import io

    import numpy as np

    return bool(np.allclose(np.load(io.BytesIO(one)), np.load(io.BytesIO(two)), atol=1e-4))


def two(given: argparse.Namespace) -> None:
    """One node and two are started in turns."""
    image = photographs()[0]
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for count in (1, 2):
            with two_nodes(count, replicas=count) as found:
                eventually(lambda: replicas(found[0]) == count, 300)  # noqa: B023
                rates[count].append(_rate(found[0], image, given.requests))
    for count, values in rates.items():
        print(f"{count} of one core: {listed(values)} answers a second")
    print(f"ratio {statistics.median(rates[2]) / statistics.median(rates[1]):.2f}")


def _rate(node: SeparateNode, image: bytes, requests: int) -> float:
    def ask(_: int) -> None:
        reply = httpx2.post(node.address + QUERY, content=image, timeout=300, trust_env=False)
        reply.raise_for_status()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
        begin = time.perf_counter()
        list(pool.map(ask, range(requests)))
        return requests / (time.perf_counter() - begin)


def head(given: argparse.Namespace) -> None:
    """Requests go to the second node while the first one is away."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("cluster: redis-server isn't on this machine")
    image = photographs()[0]
    os.environ["RAY_REDIS_ADDRESS"] = f"{NETWORK}.1:6390"
    words = [program, "--port", "6390", "--protected-mode", "no", "--save", "", "--dir", "/var/tmp"]
    redis = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        with two_nodes(replicas=2) as (first, second):
            eventually(lambda: replicas(first) == 2, 300)
            eventually(lambda: status(f"{second.address}/-/healthz") == 200, 120)
            counts: Counter[str] = Counter()
            for number in range(given.requests):
                if number == given.requests // 4:
                    first.kill()
                if number == given.requests // 2:
                    first.start()
                counts[_asked(second, image)] += 1
                time.sleep(given.pause / 100)
            eventually(lambda: replicas(second) == 2, 120)
    finally:
        redis.terminate()
        redis.wait()
    print(f"{given.requests} requests at the second node: {dict(counts)}; both replicas are back")


def _asked(node: SeparateNode, image: bytes) -> str:
    try:
        url = f"{node.address}/classify"
        return str(httpx2.post(url, content=image, timeout=20, trust_env=False).status_code)
    except httpx2.HTTPError as fault:
        return type(fault).__name__


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["overhead", "nodes", "two", "head"])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--pause", type=float, default=20.0, help="seconds between two kills")
    given = parser.parse_args()
    if given.what == "overhead":
        asyncio.run(overhead(given))
    else:
        {"nodes": nodes, "two": two, "head": head}[given.what](given)


if __name__ == "__main__":
    main()
