"""The layer around Ray's own: one request id, no knobs of Ray's, and an end that is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.cluster import doorway
from brightfield.cluster.doorway import Doorway


class Ray:
    """What Ray puts around an app, by its source: it adds an id to each reply, and says at its
    health check that it is about to end."""

    ends = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = MutableHeaders(scope=scope).get("x-request-id", "rays-own")
        self.seen = dict(scope["headers"])

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("X-Request-ID", given)
            await send(message)

        answer: Any = JSONResponse(
            {"id": given, "path": scope["path"]}, headers={"x-request-id": given}
        )
        if scope["path"] == "/-/healthz":
            answer = PlainTextResponse("DRAINING" if self.ends else "success", 503)
        await answer(scope, receive, add)


class Home:
    """Notes what the door reports."""

    place = ""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.drained = asyncio.Event()

    def answers_at(self, port: int) -> None:
        self.ports.append(port)

    async def drain(self) -> None:
        self.drained.set()


def asked(app: ASGIApp) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://10.0.0.2:30001")


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["mine-1", "not a word", ""])
def test_a_reply_has_one_id_which_is_the_services(given: str) -> None:
    async def test() -> None:
        async with asked(Doorway(Ray(), lambda: None)) as client:
            reply = await client.get("/classify", headers={"X-Request-ID": given})
        (told,) = reply.headers.get_list("x-request-id")
        assert reply.json()["id"] == told
        assert told == given if given == "mine-1" else told.startswith("req_")

    run(test)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/classify", "/pools/large/classify"),
        ("/", "/pools/large/"),
        ("/pools/large/classify", "/pools/large/classify"),
        ("/pools/large", "/pools/large"),
        ("/pools/larger", "/pools/large/pools/larger"),
        ("/-/routes", "/-/routes"),
    ],
)
def test_a_replica_of_a_pool_is_asked_as_all_others(path: str, inside: str) -> None:
    async def test() -> None:
        home = Home()
        home.place = "/pools/large"
        async with asked(Doorway(Ray(), lambda: home)) as client:
            assert (await client.get(path)).json()["path"] == inside

    run(test)


def test_callers_cannot_have_ray_answer_in_its_own_way() -> None:
    async def test() -> None:
        ray = Ray()
        headers = {"X-Request-Timeout-Seconds": "0.001", "X-Request-Disconnect-Disabled": "?1"}
        async with asked(Doorway(ray, lambda: None)) as client:
            await client.get("/classify", headers={**headers, "X-Kept": "1"})
        assert b"x-kept" in ray.seen
        assert not {name.lower().encode() for name in headers} & set(ray.seen)

    run(test)


def test_the_end_is_noticed_once_and_the_address_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorway, "_LOOK", 0.001)

    async def test() -> None:
        ray, home = Ray(), Home()
        async with asked(Doorway(ray, lambda: home)) as client:
            for _ in range(3):
                await client.get("/-/healthz")
            await asyncio.sleep(0.05)
            assert home.ports == [30001] and not home.drained.is_set()
            ray.ends = True
            await asyncio.wait_for(home.drained.wait(), 60)

    run(test)
