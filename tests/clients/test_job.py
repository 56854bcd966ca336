from __future__ import annotations

import asyncio
import json
from itertools import repeat

import httpx2
import pytest

from brightfield_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    TimedOut,
    UnavailableError,
    UnexpectedReply,
)

STREAM = {"Content-Type": "text/event-stream"}
PROBLEM = {"Content-Type": "application/problem+json"}


class Work:
    """A job of four events whose stream breaks after every second one."""

    def __init__(self, envelope, breaks=True, state="succeeded"):
        self.envelope, self.breaks, self.state = envelope, breaks, state
        kinds = [("progress", {"done": n, "total": 3}) for n in (1, 2, 3)]
        self.events = [*kinds, ("end", {"state": state})]
        self.seen: list[str | None] = []
        self.cancelled = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method == "DELETE":
            self.cancelled, self.state = True, "cancelled"
            return httpx2.Response(204)
        if path.endswith("/events"):
            after = request.headers.get("last-event-id")
            self.seen.append(after)
            return httpx2.Response(200, content=self.stream(int(after or 0)), headers=STREAM)
        if path.endswith("/result"):
            if self.state == "failed":
                problem = {"code": "out_of_memory", "retryable": False}
                return httpx2.Response(503, json=problem, headers=PROBLEM)
            return httpx2.Response(200, json=self.envelope)
        state = "queued" if request.method == "POST" else self.state
        job = {"id": "job_1", "endpoint": "/classify", "state": state}
        return httpx2.Response(202, json={**job, "progress": {"done": 0, "total": 3}})

    def stream(self, after):
        for number, (kind, data) in list(enumerate(self.events, start=1))[after:]:
            yield f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
            if self.breaks and number % 2 == 0 and kind != "end":
                yield b"id: 99\nevent: progress\nda"
                raise httpx2.ReadError("reset")

    async def over_asyncio(self, request):
        response = self(request)
        if request.url.path.endswith("/events"):
            response = httpx2.Response(200, content=_async(response.iter_raw()), headers=STREAM)
        return response


async def _async(chunks):
    for chunk in chunks:
        yield chunk


@pytest.fixture
def work(enveloped):
    return Work(enveloped({"predictions": [{"label": "cat", "class_id": 3, "score": 0.9}]}))


@pytest.fixture
def client(fake, work):
    fake.reply = work
    with Client("http://fake", transport=httpx2.MockTransport(fake)) as made:
        yield made


def test_a_job_is_followed_over_broken_connections(client, fake, work, pauses):
    job = client.submit("classify", b"x", top_k=1)
    assert fake.last.headers["prefer"] == "respond-async"
    assert "x-request-timeout" not in fake.last.headers
    assert (job.state, job.progress) == ("queued", (0, 3))
    told = []
    job.wait(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert work.seen == [None, "2"]
    assert len(pauses) == 1
    assert job.state == "succeeded"
    assert job.result().top.label == "cat"


def test_the_same_for_asyncio(fake, work, monkeypatch):
    async def pause(self, seconds):
        pass

    monkeypatch.setattr(AsyncClient, "pause", pause)

    async def follow():
        transport = httpx2.MockTransport(work.over_asyncio)
        async with AsyncClient("http://fake", transport=transport) as client:
            job = await client.submit("classify", b"x")
            kinds = [event.kind async for event in job.events()]
            return kinds, await job.result()

    kinds, result = asyncio.run(follow())
    assert kinds == ["progress"] * 3 + ["end"]
    assert work.seen[:2] == [None, "2"]
    assert result.top.label == "cat"


def test_a_failed_job_raises_what_the_call_would_have(client, work):
    work.breaks, work.state = False, "failed"
    job = client.submit("classify", b"x")
    with pytest.raises(UnavailableError) as caught:
        job.result()
    assert caught.value.code == "out_of_memory"


def test_a_job_is_found_again_and_cancelled(client, work):
    work.state = "running"
    job = client.job("job_1")
    job.cancel()
    assert (work.cancelled, job.state) == (True, "cancelled")


def test_the_answer_of_a_job_can_be_asked_again_by_who_submitted_it(client, fake, work):
    work.breaks = False
    answer = client.submit("classify", b"x", top_k=1).result()
    fake.reply = lambda _: httpx2.Response(200, content=b"rows")
    assert answer.again("csv").content == b"rows"
    assert (fake.last.content, dict(fake.last.url.params)) == (
        b"x",
        {"top_k": "1", "format": "csv"},
    )
    fake.reply = work
    with pytest.raises(ValueError, match="no longer knows its question"):
        client.job("job_1").result().again("csv")


def test_a_stream_without_an_end_is_given_up(client, work, pauses):
    work.events, work.breaks = [], False
    with pytest.raises(UnexpectedReply, match="before its end"):
        client.submit("classify", b"x").wait()
    assert len(work.seen) == 3


def test_a_service_that_is_gone_is_given_up(client, fake, work, pauses):
    job = client.submit("classify", b"x")

    def gone(request):
        raise httpx2.ConnectError("refused", request=request)

    fake.reply = gone
    with pytest.raises(ConnectionFailed):
        job.wait()
    assert len(pauses) == 2


def test_waiting_has_an_end(client, work, pauses):
    with pytest.raises(TimedOut, match="job_1"):
        client.submit("classify", b"x").wait(timeout=1e-9)


def test_waiting_ends_although_the_service_shows_signs_of_life(client, work, pauses):
    work.breaks = False
    work.stream = lambda after: repeat(b"retry: 1000\n\n")
    with pytest.raises(TimedOut, match="job_1"):
        client.submit("classify", b"x").wait(timeout=0.2)
    assert pauses == []


def test_what_is_not_a_stream_of_events_is_not_brightfields(client, fake, work):
    job = client.submit("classify", b"x")
    fake.reply = lambda _: httpx2.Response(200, content=b"<html>")
    with pytest.raises(UnexpectedReply, match="text/event-stream"):
        job.wait()


def test_long_work_on_a_collection_has_an_end_and_is_cancelled(client, work):
    work.breaks, work.state = False, "running"
    work.stream = lambda after: repeat(b"retry: 1000\n\n")
    with pytest.raises(TimedOut):
        client.collection("cells").clusters(2, timeout=0.2)
    assert work.cancelled
