from __future__ import annotations

import email.utils
import time

import httpx2
import pytest

from brightfield_client import (
    ApiError,
    Client,
    ConnectionFailed,
    OverloadedError,
    UnprocessableError,
)
from brightfield_client.exchange import Policy

PROBLEM = "application/problem+json"
OK = {"id": "r", "task": "classify", "model": {}, "result": {"predictions": []}}


def failing_first(times, response):
    """Replies with `response()` so many times, then with an answer."""
    left = [times]

    def reply(request):
        left[0] -= 1
        return response(request) if left[0] >= 0 else httpx2.Response(200, json=OK)

    return reply


def busy(status=429, retryable=True, **headers):
    body, headers = {"code": "x", "retryable": retryable}, {"Content-Type": PROBLEM, **headers}
    return lambda _: httpx2.Response(status, json=body, headers=headers)


def of_a_proxy(status, **body):
    return lambda _: httpx2.Response(status, **(body or {"text": "Internal Server Error"}))


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_with_jitter(client, fake, pauses, status):
    fake.reply = failing_first(2, busy(status, **{"Retry-After": "3"}))
    client.classify(b"x")
    assert len(fake.requests) == 3
    assert all(3 <= pause <= 3.75 for pause in pauses)
    assert len({request.content for request in fake.requests}) == 1


def test_retry_after_as_a_date(client, fake, pauses):
    date = email.utils.formatdate(time.time() + 20, usegmt=True)
    fake.reply = failing_first(1, busy(**{"Retry-After": date}))
    client.classify(b"x")
    assert 17 < pauses[0] <= 25


def test_two_retries_and_no_more(client, fake, pauses):
    fake.reply = busy()
    with pytest.raises(OverloadedError):
        client.classify(b"x")
    assert len(fake.requests) == 3


@pytest.mark.parametrize("reply", [busy(422), busy(503, retryable=False), busy(500), busy(504)])
def test_what_would_fail_again_is_not_retried(client, fake, pauses, reply):
    fake.reply = reply
    with pytest.raises(Exception, match=r"^(422|503|500|504) "):
        client.classify(b"x")
    assert len(fake.requests) == 1


def test_a_broken_connection_is_retried(client, fake, pauses):
    def broken(request):
        raise httpx2.ReadError("reset", request=request)

    fake.reply = failing_first(2, broken)
    client.classify(b"x")
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    "reply", [*map(of_a_proxy, (500, 502, 503, 504)), of_a_proxy(502, json={"code": 502})]
)
def test_a_proxy_that_lost_the_service_is_asked_again_if_it_is_safe(client, fake, pauses, reply):
    fake.reply = failing_first(2, reply)
    client.classify(b"x")
    assert len(fake.requests) == 3
    fake.reply = reply
    with pytest.raises(ApiError, match=r"^50\d http_50\d: HTTP 50\d"):
        client.submit("saliency", b"x")
    assert len(fake.requests) == 4
    fake.reply = of_a_proxy(505)
    with pytest.raises(ApiError):
        client.classify(b"x")
    assert len(fake.requests) == 5


def test_a_job_is_not_submitted_twice_by_accident(client, fake, pauses):
    def broken(request):
        raise httpx2.ReadError("reset", request=request)

    fake.reply = broken
    with pytest.raises(ConnectionFailed):
        client.submit("saliency", b"x")
    assert len(fake.requests) == 1


def test_no_retry_that_would_end_after_the_timeout(fake, pauses):
    fake.reply = busy(**{"Retry-After": "60"})
    transport = httpx2.MockTransport(fake)
    with Client(timeout=10, transport=transport) as client, pytest.raises(OverloadedError):
        client.classify(b"x")
    assert (len(fake.requests), pauses) == (1, [])


def test_the_service_is_told_what_is_left_of_the_timeout(fake):
    now = [100.0]
    policy = Policy(timeout=30, retries=2, clock=lambda: now[0])
    with Client(transport=httpx2.MockTransport(fake)) as client:
        client._connection = type(client._connection)("http://fake", policy, {})
        client.pause = lambda seconds: now.__setitem__(0, now[0] + seconds)
        fake.reply = failing_first(1, busy(**{"Retry-After": "8"}))
        client.classify(b"x")
    told = [float(request.headers["x-request-timeout"]) for request in fake.requests]
    assert told[0] == 30
    assert 20 <= told[1] <= 22


def test_backoff_doubles_up_to_its_ceiling():
    policy = Policy(1, 9, chance=lambda: 0.0)
    assert [policy.delay(n, None) for n in range(6)] == [0.5, 1, 2, 4, 8, 8]
    assert Policy(1, 9, chance=lambda: 1.0).delay(2, None) == 1


def test_the_same_policy_for_asyncio(fake, monkeypatch):
    import asyncio

    from brightfield_client import AsyncClient

    waited = []

    async def pause(self, seconds):
        waited.append(seconds)

    monkeypatch.setattr(AsyncClient, "pause", pause)
    fake.reply = failing_first(2, busy(**{"Retry-After": "3"}))

    async def ask():
        async with AsyncClient(transport=httpx2.MockTransport(fake.answer)) as client:
            await client.classify(b"x")
            fake.reply = busy(422)
            with pytest.raises(UnprocessableError):
                await client.classify(b"x")

    asyncio.run(ask())
    assert len(waited) == 2
    assert all(3 <= pause <= 3.75 for pause in waited)
    assert len(fake.requests) == 4
