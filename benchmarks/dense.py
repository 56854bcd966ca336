"""How much faster whole requests of the dense tasks are by the chosen backend than by the model.

    python benchmarks/dense.py --nuclei dsb2018/images --cells bccd/images --photographs kodak
        [--fields 20] [--rounds 3]

Starts `brightfield serve` with its default settings, waits until it is settled, and asks /segment
(`nuclei`), /detect (`blood-cells`) and /superresolve (`photo-x2`) for the files of the three
folders, as bytes over HTTP, each with `backend=eager` and without, in turns. Printed are the ratios
of the seconds for all fields, round by round, and how far the answers are apart: the least IoU of
the foregrounds, the largest distance of a box's edge in pixels, the least PSNR of the pictures.
Give files that no model was trained with: `--only` has a list of their names, one in a line.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
from load import started
from settled import wait_until_settled

Gap = Callable[[bytes, bytes], float]


def _array(reply: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.load(io.BytesIO(reply)).astype(float)


def foreground_iou(one: bytes, other: bytes) -> float:
    first, second = (_array(reply) > 0 for reply in (one, other))
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0


def edge_distance(one: bytes, other: bytes) -> float:
    """Infinite if there aren't as many boxes."""
    boxes = [
        [each["box"] for each in json.loads(reply)["result"]["objects"]] for reply in (one, other)
    ]
    first, second = (sorted(map(_edges, each)) for each in boxes)
    if len(first) != len(second):
        return math.inf
    return float(np.abs(np.subtract(first, second)).max()) if first else 0.0


def _edges(box: Mapping[str, float] | Sequence[float]) -> list[float]:
    return list(box.values()) if isinstance(box, Mapping) else list(box)


def psnr(one: bytes, other: bytes) -> float:
    error = float(np.mean((_array(one) - _array(other)) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


@dataclass(frozen=True)
class Task:
    query: str
    gap: Gap
    worst: Callable[[Sequence[float]], float]
    said: str


TASKS = {
    "nuclei": Task("/segment?model=nuclei&format=npy", foreground_iou, min, "least IoU"),
    "cells": Task("/detect?model=blood-cells", edge_distance, max, "farthest edge, pixels"),
    "photographs": Task("/superresolve?model=photo-x2&format=npy", psnr, min, "least PSNR, dB"),
}


def seconds(
    client: httpx2.Client, query: str, bodies: Sequence[bytes]
) -> tuple[float, list[bytes]]:
    begin = time.perf_counter()
    replies = [client.post(query, content=body).raise_for_status().content for body in bodies]
    return time.perf_counter() - begin, replies


def line(client: httpx2.Client, task: Task, bodies: Sequence[bytes], rounds: int) -> str:
    eager = f"{task.query}&backend=eager"
    for query in (eager, task.query):
        seconds(client, query, bodies[:2])
    ratios, gaps = [], []
    for _ in range(rounds):
        (own, expected), (fast, found) = (seconds(client, q, bodies) for q in (eager, task.query))
        ratios.append(own / fast)
        gaps += map(task.gap, expected, found)
    told = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return (
        f"{task.query:42} {len(bodies)} fields  {statistics.median(ratios):.2f} times ({told})  "
        f"{task.said} {task.worst(gaps):.4g}"
    )


def files(folder: Path, only: Path | None, count: int) -> list[bytes]:
    names = set(only.read_text().split()) if only else None
    found = sorted(each for each in folder.iterdir() if names is None or each.name in names)
    return [each.read_bytes() for each in found[:count]]


async def main(given: argparse.Namespace) -> None:
    base = f"http://127.0.0.1:{given.port}"
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {"BRIGHTFIELD_DATA": data, "BRIGHTFIELD_LOG_LEVEL": "warning"}
        command = f"{sys.executable} -m brightfield serve --port {given.port}"
        async with started(command, base):
            with httpx2.Client(base_url=base, timeout=300, trust_env=False) as client:
                for model in ("nuclei", "blood-cells", "photo-x2"):
                    client.post(f"/models/{model}/load").raise_for_status()
                print(await asyncio.to_thread(wait_until_settled, base))
                for name, task in TASKS.items():
                    folder = getattr(given, name)
                    if folder is not None:
                        bodies = files(folder, given.only, given.fields)
                        print(await asyncio.to_thread(line, client, task, bodies, given.rounds))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in TASKS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER")
    parser.add_argument("--only", type=Path, metavar="FILE", help="names of files, one in a line")
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8768)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
