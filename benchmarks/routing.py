"""What a request costs before and after its work: plain ASGI against FastAPI's declared parameters.

    python benchmarks/routing.py [--rounds 41] [--requests 500] [--json FILE]

The same request (raw bytes, two parameters in the query) gets the same small reply through the
service's app, its middleware and its protocol of requests, by four ways:

- *direct*: the image endpoint as a plain ASGI app, to which the middleware goes straight;
- *routed*: the same endpoint, found among the app's routes;
- *declared*: a FastAPI route whose parameters, headers and services are declared;
- *bare*: a FastAPI route that declares the request alone, and the endpoint's own reading.

No socket, no image, no model: what is left is what the ways differ in. Each round asks all ways,
in an order drawn anew; numbers are CPU time of the process, so that a busy machine matters little.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from brightfield.access.visitor import anybody
from brightfield.api.admission.admission import Admission
from brightfield.api.app import create_app
from brightfield.api.conduct import Understood, conduct
from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.middleware import RequestMiddleware
from brightfield.api.reading.inputs import understand_submission
from brightfield.api.reading.received import Received
from brightfield.api.services import Services, services_of
from brightfield.api.wire.direct_routes import DirectRoutes
from brightfield.api.writing.formats import Reply
from brightfield.engine import View
from brightfield.images.selection import Selection
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.classify import Classify

BODY = bytes(range(256)) * 16
HEADERS = [
    (b"host", b"127.0.0.1"),
    (b"user-agent", b"benchmark"),
    (b"content-type", b"application/octet-stream"),
    (b"content-length", str(len(BODY)).encode()),
]
WAYS = ("direct", "routed", "declared", "bare")


async def answered(ticket: Ticket, progress: Progress | None) -> Response:
    return Response(b'{"ok": true}', media_type="application/json")


class Trivial(ImageEndpoint):
    """Reads and understands as /classify does, and answers without an image."""

    def __init__(self, name: str) -> None:
        super().__init__(name, {name: Classify}, name)

    async def understand(self, services: Services, received: Received) -> Understood:
        submission = understand_submission(received, self.attachments)
        self._read(submission.parameters, received.headers.get("accept"))
        return Understood(answered)


class Declared(Classify, View, Selection, Reply):
    """All parameters of /classify, as FastAPI takes them in one model."""


async def shared(request: Request) -> Services:
    return services_of(request)


async def declared(
    request: Request,
    query: Annotated[Declared, Query()],
    services: Annotated[Services, Depends(shared)],
    prefer: Annotated[str, Header()] = "",
    x_request_timeout: Annotated[float | None, Header(gt=0)] = None,
) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        return Understood(answered)

    return await conduct(request, understand, job="/declared")


def service(settings: Settings) -> tuple[FastAPI, ASGIApp]:
    """The app with the four ways, and the same behind a middleware that knows *direct*."""
    app = create_app(settings)
    engine = app.state.engine
    admission = Admission.of(settings, engine.telemetry, engine.backlog)
    services = SimpleNamespace(settings=settings, engine=engine, admission=admission)
    app.state.projects = SimpleNamespace(of=lambda _: services)
    direct, bare = Trivial("direct"), Trivial("bare")

    async def respond(request: Request) -> Response:
        return await bare.respond(request)

    app.router.routes.append(Route("/routed", Trivial("routed"), methods=["POST"]))
    app.post("/declared", response_class=Response)(declared)
    app.post("/bare", response_class=Response)(respond)
    app.user_middleware.clear()
    telemetry = engine.telemetry
    short = DirectRoutes(app, {direct.path: direct})
    return app, RequestMiddleware(short, settings, telemetry)


async def ask(app: ASGIApp, scope: Scope) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent


def scope_of(way: str, app: FastAPI) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/{way}",
        "raw_path": f"/{way}".encode(),
        "root_path": "",
        "query_string": b"top_k=3&threshold=0",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "app": app,
        "hang_up_calls": set(),
        "state": {},
        "visitor": anybody(),
    }


async def microseconds(app: ASGIApp, scope: Callable[[], Scope], requests: int) -> float:
    """CPU time of one request, over so many one after another."""
    begin = time.process_time()
    for _ in range(requests):
        await ask(app, scope())
    return 1e6 * (time.process_time() - begin) / requests


async def measured(rounds: int, requests: int, settings: Settings) -> dict[str, list[float]]:
    app, asgi = service(settings)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    try:
        for turn in range(rounds + 1):
            gc.collect()  # by hand, so that it falls between the rounds
            for way in random.sample(WAYS, len(WAYS)):
                taken = await microseconds(asgi, lambda way=way: scope_of(way, app), requests)
                if turn:  # the first round warms up
                    found[way].append(taken)
    finally:
        app.state.engine.close()
    return found


def table(found: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Per way the median, the quartiles, and the median ratio to *direct*, round by round."""
    rows = {}
    for way, values in found.items():
        low, middle, high = statistics.quantiles(values, n=4)
        ratios = [value / least for value, least in zip(values, found["direct"], strict=True)]
        extra = [value - least for value, least in zip(values, found["direct"], strict=True)]
        rows[way] = {
            "median_us": middle,
            "lower_us": low,
            "upper_us": high,
            "ratio": statistics.median(ratios),
            "more_us": statistics.median(extra),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=41, help="alternations (41)")
    parser.add_argument("--requests", type=int, default=500, help="of each way in a round (500)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    given = parser.parse_args()
    gc.disable()
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data=Path(data), preload=False, device="cpu", log_level="warning")
        rows = table(asyncio.run(measured(given.rounds, given.requests, settings)))
    print(f"{'':>10}  {'median us':>9}  {'quartiles':>15}  {'ratio':>5}  {'more us':>7}")
    for way, row in rows.items():
        quartiles = f"{row['lower_us']:.1f} - {row['upper_us']:.1f}"
        numbers = f"{row['median_us']:>9.1f}  {quartiles:>15}  {row['ratio']:>5.2f}"
        print(f"{way:>10}  {numbers}  {row['more_us']:>7.1f}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
