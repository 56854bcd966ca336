"""Files of every format whose structure was changed: never a 5xx, a restart, or growing memory.

`BRIGHTFIELD_MUTATIONS` is the number of files (default: 400), `BRIGHTFIELD_MUTATION_SEED` chooses
others.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from .hostile.images import good
from .hostile.watched import Watched
from .killable import Service, running
from .mutated.mutations import files
from .mutated.seeds import seeds

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(7200)]

_CALLERS, _GROWTH, _BATCH = 2, 0.05, 500
_TYPES = {"csv": "text/csv", "json": "application/json", "npz": "application/octet-stream"}
_QUERIES = ("", "", "?page=1", "?z=0&t=0", "?axes=ZYX&z=1", "?channels=0,1", "?orientation=ignore")


def sent(client: httpx2.Client, name: str, data: bytes) -> tuple[int, str]:
    """The status and, where it is a fault of the service, what was said."""
    kind = name.split(" ", maxsplit=1)[0].rpartition(".")[2]
    path = "/metrics" if kind in _TYPES else f"/classify{_QUERIES[sum(data[:99]) % len(_QUERIES)]}"
    headers = {"Content-Type": _TYPES.get(kind, "application/octet-stream")}
    reply = client.post(path, content=data, headers=headers)
    return reply.status_code, "" if reply.status_code < 500 else f"{path} {reply.text[:300]}"


def test_mutated_files_get_an_answer(tmp_path: Path) -> None:
    count = int(os.environ.get("BRIGHTFIELD_MUTATIONS", "400"))
    service = Service(tmp_path, "", max_pixels=4_000_000)
    with (
        running(service),
        httpx2.Client(base_url=service.url, trust_env=False, timeout=120) as client,
        ThreadPoolExecutor(_CALLERS) as callers,
    ):
        watched = Watched(service.pid)
        statuses, resident, faults = Counter[int](), list[int](), list[str]()

        def ask(file: tuple[str, bytes]) -> None:
            status, fault = sent(client, *file)
            statuses[status] += 1
            if fault:
                place = Path(tempfile.gettempdir()) / f"mutated-{file[0].replace(' ', '-')}"
                place.write_bytes(file[1])
                faults.append(f"{place}: {status} {fault}")

        client.post("/classify", content=good())
        pids = watched.pids()
        seed = int(os.environ.get("BRIGHTFIELD_MUTATION_SEED", "0"))
        rest = files(seeds(), count, seed)
        while batch := list(islice(rest, _BATCH)):
            list(callers.map(ask, batch))
            for _ in range(20):
                client.post("/classify", content=good())
            resident.append(watched.resident())
            print(f"{statuses.total()}: {dict(statuses)}, {resident[-1] / 1e6:.0f} MB", flush=True)
        assert not faults, "\n".join(faults)
        assert pids <= watched.pids(), "a process of the service ended"
        settled = resident[len(resident) // 4 :]
        assert max(settled) <= (1 + _GROWTH) * settled[0] or len(resident) < 8, resident
