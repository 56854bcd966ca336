"""Brightfield and six other servers of models: the same network, images, machine and client.

    python benchmarks/peers/compare.py ENVS [--only mosec,brightfield] [--rounds 3] [--seconds 10]

`ENVS` is the folder of `environments.py`. The servers run one at a time and in turns: each is
started, answers its first request (the cold start), is warmed up, rests, and is loaded by 1, 8, 32
and 128 clients. Then 200 images are classified, and the first labels are compared with those of
the network itself. Prints a table of medians over the rounds, in Markdown; CPU and memory are those
of all processes of a server, memory as proportional set size. Brightfield's first start on a
machine also looks for the fastest backend, which is waited for; it is told from the cold start.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import networks
import psutil
import torch
from handler import prepared
from servers import CARDS, Server, archive, lacking, servers, versions

sys.path.append(str(Path(__file__).parent.parent))
from load import Load, photographs, run
from settled import read, wait_until_settled

_PATIENCE = 300.0
_LOOK = 0.05


def main(given: argparse.Namespace) -> None:
    files = given.envs / "networks"
    if not (files / "resnet18.pt").exists():
        networks.main(files)
    rows: list[dict[str, Any]] = []
    for _ in range(given.rounds):
        for network in given.networks.split(","):
            bodies = photographs()
            for name in _chosen(given, network, files):
                row = _measured(given, network, name, files, bodies)
                rows.append(row)
                print(json.dumps(row), file=sys.stderr, flush=True)
                if given.json:
                    given.json.write_text(json.dumps(rows, indent=1))
    for network in given.networks.split(","):
        _print_table(network, given.clients, [row for row in rows if row["network"] == network])


def _chosen(given: argparse.Namespace, network: str, files: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as work:
        known = servers(network, given.envs, files, Path(work))
    names = list(known) if given.only is None else given.only.split(",")
    for name in names:
        if (reason := lacking(known[name])) is not None:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    return [name for name in names if lacking(known[name]) is None]


def _measured(
    given: argparse.Namespace, network: str, name: str, files: Path, bodies: Sequence[bytes]
) -> dict[str, Any]:
    row: dict[str, Any] = {"network": network, "server": name}
    with tempfile.TemporaryDirectory() as work:
        server = servers(network, given.envs, files, Path(work))[name]
        row["version"] = versions(name, given.envs)
        if name == "torchserve":
            archive(server, given.envs)
        if name.startswith("brightfield"):
            with _running(server, Path(work) / "first.log") as process:
                _wait_for_first(server, process, bodies[0])
                wait_until_settled(f"http://127.0.0.1:{server.port}")
        with _running(server, Path(work) / "server.log") as process:
            begin = time.perf_counter()
            _wait_for_first(server, process, bodies[0])
            row["cold_start_s"] = time.perf_counter() - begin
            if name.startswith("brightfield"):
                row["runs_by"] = wait_until_settled(f"http://127.0.0.1:{server.port}")[
                    CARDS[network]
                ]
            row |= asyncio.run(_loaded(server, process.pid, bodies, given))
            row["same"] = _agreement(server, network, files, given.compared)
    return row


@contextmanager
def _running(server: Server, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    first = Path(server.command[0]).parent
    environment = {
        **os.environ,
        **server.environment,
        "PATH": f"{first}{os.pathsep}{os.environ['PATH']}",
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            server.command, cwd=server.folder, env=environment, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        except RuntimeError:
            print(log.read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    everyone = _family(process.pid)
    for each in everyone:
        with suppress(psutil.Error):
            each.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(everyone, timeout=15)
    for each in alive:
        with suppress(psutil.Error):
            each.kill()
    process.wait()


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def _wait_for_first(server: Server, process: subprocess.Popen[bytes], body: bytes) -> None:
    until, last = time.perf_counter() + _PATIENCE, ""
    while time.perf_counter() < until:
        try:
            _label(server, body)
            return
        except urllib.error.HTTPError as fault:
            last = f": {fault} {fault.read()[:300]!r}"
        except (OSError, ValueError) as fault:
            last = f": {fault}"
        if process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with {process.returncode}")
        time.sleep(_LOOK)
    raise RuntimeError(f"{server.name} gave no answer within {_PATIENCE:.0f} s{last}")


def _label(server: Server, body: bytes) -> object:
    """The first label of an image; raises `OSError` where there is no answer."""
    request = urllib.request.Request(
        server.url, server.body(body), {"Content-Type": server.content_type}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return server.answer(json.loads(reply.read()))


async def _loaded(
    server: Server, pid: int, bodies: Sequence[bytes], given: argparse.Namespace
) -> dict[str, Any]:
    headers = {"Content-Type": server.content_type}
    asked = [server.body(body) for body in bodies]
    await run(server.url, asked, Load(8, seconds=given.seconds / 2), headers=headers)
    row: dict[str, Any] = {"idle_cpu_percent": await _idle(pid)}
    for clients in given.clients:
        load = Load(clients, seconds=given.seconds, warmup=2 * clients)
        report = await run(server.url, asked, load, server_pid=pid, headers=headers)
        failed = sum(n for status, n in report.statuses.items() if status != "200")
        row[f"{clients}"] = {
            "images_per_s": report.throughput,
            **{key: report.latency_ms.get(key) for key in ("p50", "p95", "p99")},
            "cpu_ms": 1e3 * (report.server_cpu_s or 0) / max(1, report.requests),
            "failed": failed,
        }
    row["memory_mb"] = _memory(pid)
    return row


async def _idle(pid: int, seconds: float = 5.0) -> float:
    """Percent of a processor that the server takes while nobody asks."""
    await asyncio.sleep(2)
    before = _cpu(pid)
    await asyncio.sleep(seconds)
    return 100 * (_cpu(pid) - before) / seconds


def _cpu(pid: int) -> float:
    total = 0.0
    for each in _family(pid):
        with suppress(psutil.Error):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def _memory(pid: int) -> float:
    total = 0
    for each in _family(pid):
        with suppress(psutil.Error):
            total += int(each.memory_full_info().pss)
    return total / 1e6


def _agreement(server: Server, network: str, files: Path, count: int) -> float:
    """The share of images whose first label is the network's own for the same decoding."""
    module = torch.load(files / f"{network}.pt", weights_only=False).eval()
    bodies = [body for seed in range(8) for body in photographs(seed=seed)][:count]
    names = None if server.runs_handler else _names(server, network)
    same = 0
    for body in bodies:
        with torch.inference_mode():
            rows = torch.from_numpy(prepared(body, draft=server.runs_handler))[None]
            column = int(module(rows).argmax())
        same += _label(server, body) == (column if names is None else names[column])
    return same / len(bodies)


def _names(server: Server, network: str) -> Sequence[str]:
    card = read(f"http://127.0.0.1:{server.port}/models/{CARDS[network]}")
    return [each["name"] for each in card["labels"]]


def _print_table(network: str, loads: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(row["server"] for row in rows))
    print(f"\n{network}: medians of {len(rows) // max(1, len(names))} rounds\n")
    head = ["server", "version"]
    head += [f"images/s at {clients}" for clients in loads]
    head += [f"p50 / p95 / p99 at {clients}, ms" for clients in loads]
    head += [f"CPU ms at {clients}" for clients in loads]
    head += ["memory, MB", "idle CPU, %", "cold start, s", "same first label", "failed"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name in names:
        print(f"| {' | '.join(_cells(name, loads, [r for r in rows if r['server'] == name]))} |")


def _cells(name: str, loads: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    def at(clients: int, key: str) -> float:
        found = [row[f"{clients}"][key] for row in rows if row[f"{clients}"][key] is not None]
        return statistics.median(found) if found else float("nan")

    def of(key: str) -> float:
        return statistics.median(row[key] for row in rows)

    runs_by = f" ({rows[-1]['runs_by']})" if "runs_by" in rows[-1] else ""
    latencies = [
        " / ".join(f"{at(clients, key):.0f}" for key in ("p50", "p95", "p99"))
        for clients in (1, 32)
    ]
    failed = sum(row[f"{clients}"]["failed"] for row in rows for clients in loads)
    return [
        f"{name}{runs_by}",
        rows[-1]["version"],
        *(f"{at(clients, 'images_per_s'):.1f}" for clients in loads),
        *latencies,
        *(f"{at(clients, 'cpu_ms'):.1f}" for clients in loads),
        f"{of('memory_mb'):.0f}",
        f"{of('idle_cpu_percent'):.1f}",
        f"{of('cold_start_s'):.1f}",
        f"{of('same'):.3f}",
        str(failed),
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("envs", type=lambda text: Path(text).absolute())
    parser.add_argument("--only", help="servers, with commas (all that are installed)")
    parser.add_argument("--networks", default="imagenet-lite0,resnet18")
    parser.add_argument("--rounds", type=int, default=3, help="alternations (3)")
    parser.add_argument("--seconds", type=float, default=10, help="length of each load (10)")
    parser.add_argument(
        "--clients",
        type=lambda text: [int(each) for each in text.split(",")],
        default=[1, 8, 32, 128],
        help="loads, with commas (1,8,32,128)",
    )
    parser.add_argument("--compared", type=int, default=200, help="images to compare (200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
