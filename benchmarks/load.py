"""A load generator for any HTTP service that takes images.

    python benchmarks/load.py --clients 16 --requests 2000 http://127.0.0.1:8000/classify

C clients each keep one connection open and send the next request when the last reply is there (a
closed loop), so the offered load follows the service. Requests are bytes made beforehand, and
replies are read and not parsed: what this process takes of the machine is small, and reported.

The measured window begins when the last warm-up reply is there and ends with the last reply. The
same seed gives the same bodies in the same order.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import shlex
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from PIL import Image, ImageOps
from process_trees import cpu_seconds

SIZES = ((320, 240), (640, 480), (800, 600), (1024, 768), (1280, 960))
"""Width and height of the images that `photographs` makes."""


@dataclass(frozen=True)
class Load:
    """How much is sent: it ends after `requests` requests, or when none is begun after `seconds`
    seconds, whichever comes first. `warmup` requests come before and are not measured."""

    clients: int = 8
    requests: int | None = None
    seconds: float | None = None
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.clients < 1:
            raise ValueError("at least one client is needed")
        if self.requests is None and self.seconds is None:
            raise ValueError("give a number of requests, a number of seconds, or both")


@dataclass(frozen=True)
class Report:
    """What was measured. Latencies are milliseconds of the replies below 400, from the first byte
    sent to the last received; `statuses` counts replies by status, and `timeout` and `connection`
    for those that never came. CPU times are seconds within the window; the server's is that of its
    process and those it started, None when no pid was given."""

    clients: int
    requests: int
    seconds: float
    throughput: float
    latency_ms: Mapping[str, float]
    statuses: Mapping[str, int]
    sent_bytes: int
    client_cpu_s: float
    server_cpu_s: float | None

    def table(self) -> str:
        """The report for a person."""
        rows = [
            ("clients", f"{self.clients}"),
            ("requests", f"{self.requests} in {self.seconds:.2f} s"),
            ("throughput", f"{self.throughput:.1f} replies below 400 a second"),
            ("sent", f"{self.sent_bytes / 1e6:.1f} MB"),
            *((f"latency {name}", f"{value:.1f} ms") for name, value in self.latency_ms.items()),
            *((f"status {name}", f"{count}") for name, count in self.statuses.items()),
            ("CPU of this process", self._cpu(self.client_cpu_s)),
        ]
        if self.server_cpu_s is not None:
            rows.append(("CPU of the service", self._cpu(self.server_cpu_s)))
        return "\n".join(f"{name:<20}  {value}" for name, value in rows)

    def _cpu(self, seconds: float) -> str:
        return f"{seconds:.2f} s ({seconds / self.seconds:.2f} cores)"


def photographs(
    sizes: Sequence[tuple[int, int]] = SIZES, quality: int = 90, seed: int = 0
) -> list[bytes]:
    """JPEG files of five photographs in every size, in an order and with crops chosen by `seed`.

    The photographs come with scikit-image (astronaut, chelsea, coffee) and scikit-learn (china,
    flower).
    """
    from skimage import data
    from sklearn.datasets import load_sample_image

    rng = np.random.default_rng(seed)
    arrays = [getattr(data, name)() for name in ("astronaut", "chelsea", "coffee")]
    arrays += [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    files = []
    for array, size in itertools.product(arrays, sizes):
        across, down = rng.random(2)
        image = ImageOps.fit(Image.fromarray(array), size, centering=(across, down))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        files.append(file.getvalue())
    return [files[index] for index in rng.permutation(len(files))]


async def run(
    url: str,
    bodies: Sequence[bytes],
    load: Load,
    *,
    server_pid: int | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> Report:
    """Posts `bodies` in turn to `url` and measures the replies."""
    target = _Target.of(url, headers or {}, timeout_s)
    payloads = itertools.cycle([target.request(body) for body in bodies])
    connections = [_Connection(target) for _ in range(load.clients)]
    try:
        await _drive(connections, itertools.islice(payloads, load.warmup), None)
        meter = _Meter(server_pid)
        measured = itertools.islice(payloads, load.requests)
        return meter.report(await _drive(connections, measured, load.seconds))
    finally:
        for connection in connections:
            connection.close()


async def _drive(
    connections: Sequence[_Connection], payloads: Iterator[bytes], seconds: float | None
) -> list[_Tally]:
    """All connections take from one row of requests, so that a slow one holds up no other."""
    deadline = time.perf_counter() + (float("inf") if seconds is None else seconds)
    tallies = [_Tally() for _ in connections]

    async def client(connection: _Connection, tally: _Tally) -> None:
        for payload in payloads:
            begun = time.perf_counter()
            if begun >= deadline:
                return
            outcome = await connection.post(payload)
            tally.add(outcome, time.perf_counter() - begun, len(payload))

    await asyncio.gather(*map(client, connections, tallies))
    return tallies


@dataclass
class _Tally:
    """What one client saw."""

    latencies: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def add(self, outcome: str, seconds: float, sent: int) -> None:
        self.outcomes[outcome] += 1
        self.sent += sent
        if outcome < "400":
            self.latencies.append(seconds)


class _Meter:
    """The clocks of the measured window, which begins when the meter is made."""

    def __init__(self, server_pid: int | None) -> None:
        self._server = None if server_pid is None else psutil.Process(server_pid)
        self._server_cpu = self._server_seconds()
        self._client_cpu = time.process_time()
        self._begun = time.perf_counter()

    def report(self, tallies: Sequence[_Tally]) -> Report:
        seconds = time.perf_counter() - self._begun
        client_cpu = time.process_time() - self._client_cpu
        server_cpu = self._server_seconds()
        outcomes = sum((tally.outcomes for tally in tallies), Counter[str]())
        latencies = np.array([value for tally in tallies for value in tally.latencies]) * 1e3
        return Report(
            clients=len(tallies),
            requests=outcomes.total(),
            seconds=seconds,
            throughput=len(latencies) / seconds,
            latency_ms=_percentiles(latencies),
            statuses=dict(sorted(outcomes.items())),
            sent_bytes=sum(tally.sent for tally in tallies),
            client_cpu_s=client_cpu,
            server_cpu_s=None if self._server is None else server_cpu - self._server_cpu,
        )

    def _server_seconds(self) -> float:
        return 0.0 if self._server is None else cpu_seconds(self._server.pid)


def _percentiles(latencies: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    if not len(latencies):
        return {}
    ranks = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
    return {name: float(np.percentile(latencies, rank)) for name, rank in ranks.items()}


@dataclass(frozen=True)
class _Target:
    host: str
    port: int
    tls: ssl.SSLContext | None
    head: str
    timeout_s: float

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], timeout_s: float) -> _Target:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.hostname is None:
            raise ValueError(f"{url!r} is not an address like http://127.0.0.1:8000/classify")
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = {"Host": parts.netloc, "Content-Type": "image/jpeg"} | dict(headers)
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
        tls = ssl.create_default_context() if secure else None
        return cls(parts.hostname, parts.port or (443 if secure else 80), tls, head, timeout_s)

    def request(self, body: bytes) -> bytes:
        return f"{self.head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


class _Connection:
    """One kept-alive connection: made at its first use, and anew after the server closed it."""

    def __init__(self, target: _Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, payload: bytes) -> str:
        """The status of the reply, or `timeout` or `connection`."""
        try:
            async with asyncio.timeout(self._target.timeout_s):
                return await self._exchange(payload)
        except TimeoutError:
            outcome = "timeout"
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            outcome = "connection"
        self.close()
        return outcome

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, payload: bytes) -> str:
        fresh = self._streams is None
        try:
            return await self._once(payload)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            # A server may close an idle connection just as a request is sent: that is no fault.
            begun = isinstance(error, asyncio.IncompleteReadError) and error.partial
            if fresh or begun:
                raise
            self.close()
            return await self._once(payload)

    async def _once(self, payload: bytes) -> str:
        if self._streams is None:
            target = self._target
            self._streams = await asyncio.open_connection(target.host, target.port, ssl=target.tls)
        reader, writer = self._streams
        writer.write(payload)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        keep = await _read_body(reader, head)
        if not keep:
            self.close()
        return head[9:12].decode("latin-1")


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bool:
    """Reads the reply's body; whether the connection can be used again."""
    length = _header(head, b"content-length")
    if length is not None:
        await reader.readexactly(int(length))
    elif _header(head, b"transfer-encoding") == b"chunked":
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            await reader.readexactly(size + 2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    elif head[9:12] != b"204":
        await reader.read()
        return False
    return _header(head, b"connection") != b"close"


def _header(head: bytes, name: bytes) -> bytes | None:
    begin = head.find(b"\r\n" + name + b":")
    if begin < 0:
        return None
    begin += len(name) + 3
    return head[begin : head.index(b"\r\n", begin)].strip()


@asynccontextmanager
async def started(command: str, url: str, patience_s: float = 300.0) -> AsyncIterator[int]:
    """A service that `command` starts, ready when GET /readyz beside `url` answers 200; its pid."""
    ready = urlsplit(url)._replace(path="/readyz", query="").geturl()
    target = _Target.of(ready, {}, timeout_s=10.0)
    probe = target.head.replace("POST", "GET", 1).encode("latin-1") + b"\r\n"
    connection = _Connection(target)
    if await connection.post(probe) != "connection":
        raise ValueError(f"something answers at {target.host}:{target.port} already")
    process = await asyncio.create_subprocess_exec(*shlex.split(command), stdout=sys.stderr)
    deadline = time.monotonic() + patience_s
    try:
        while await connection.post(probe) != "200":
            if process.returncode is not None or time.monotonic() > deadline:
                raise ValueError(f"the service did not become ready: {command}")
            await asyncio.sleep(0.25)
        connection.close()
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("url", help="address to post to, as http://127.0.0.1:8000/classify")
    add("--clients", type=int, default=8, help="connections (8)")
    add("--requests", type=int, help="requests (1000 when --seconds is not given)")
    add("--seconds", type=float, help="begin no request after this many seconds")
    add("--warmup", type=int, default=50, help="requests before the measured ones (50)")
    add("--seed", type=int, default=0, help="chooses crops and order of the images (0)")
    add("--header", action="append", default=[], metavar="NAME:VALUE", help="one more header")
    add("--timeout", type=float, default=60.0, help="seconds to wait for a reply (60)")
    add("--pid", type=int, help="process of the service, to measure its CPU time")
    add("--start", metavar="COMMAND", help="start the service, and end it afterwards")
    add("--json", type=Path, metavar="FILE", help="write the report there too")
    given = parser.parse_args()
    if given.requests is None and given.seconds is None:
        given.requests = 1000
    return given


async def _main(given: argparse.Namespace) -> Report:
    parts = (header.partition(":") for header in given.header)
    async with AsyncExitStack() as stack:
        pid = given.pid
        if given.start is not None:
            pid = await stack.enter_async_context(started(given.start, given.url))
        return await run(
            given.url,
            photographs(seed=given.seed),
            Load(given.clients, given.requests, given.seconds, given.warmup),
            server_pid=pid,
            headers={name.strip(): value.strip() for name, _, value in parts},
            timeout_s=given.timeout,
        )


def _runner() -> Callable[[Coroutine[Any, Any, Report]], Report]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def main() -> None:
    given = _arguments()
    try:
        report = _runner()(_main(given))
    except (ValueError, psutil.NoSuchProcess) as error:
        sys.exit(f"load: {error}")
    print(report.table())
    if given.json is not None:
        given.json.write_text(json.dumps(asdict(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
