"""The API key goes with every request, and nowhere else."""

from __future__ import annotations

import logging

import httpx2
import pytest

from brightfield_client import AsyncClient, Client, ConnectionFailed, UnexpectedReply
from brightfield_client.connection import Connection


@pytest.fixture
def sent() -> list[httpx2.Request]:
    return []


@pytest.fixture
def transport(sent: list[httpx2.Request]) -> httpx2.MockTransport:
    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"models": [], "faults": {}})

    return httpx2.MockTransport(answer)


@pytest.mark.parametrize(
    ("given", "variable", "shown"),
    [
        ("bf_given", None, "Bearer bf_given"),
        ("bf_given", "bf_variable", "Bearer bf_given"),
        (None, "bf_variable\n", "Bearer bf_variable"),
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_key_is_given_or_a_variable(
    given: str | None, variable: str | None, shown: str | None, sent: list[httpx2.Request],
    transport: httpx2.MockTransport, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("BRIGHTFIELD_API_KEY", raising=False)
    if variable is not None:
        monkeypatch.setenv("BRIGHTFIELD_API_KEY", variable)
    with Client("http://lab", api_key=given, transport=transport) as client:
        client.models()
        assert "bf_" not in repr(client) + repr(client._connection)
    assert sent[0].headers.get("authorization") == shown


def test_a_header_of_ones_own_wins() -> None:
    known = Connection.to("http://lab", 1, 0, {"Authorization": "Basic eA=="}, "bf_given")
    assert known.headers == {"Authorization": "Basic eA=="}


def test_the_asynchronous_client_has_it_too() -> None:
    client = AsyncClient("http://lab", api_key="bf_given")
    assert client._http.headers["authorization"] == "Bearer bf_given"


def test_no_password_of_an_address_is_shown(transport: httpx2.MockTransport) -> None:
    def lost(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    address = "http://ada:s3cret@lab:8000"
    with Client(address, retries=0, transport=httpx2.MockTransport(lost)) as client:
        with pytest.raises(ConnectionFailed) as fault:
            client.models()
        told = repr(client) + str(fault.value)
    empty = httpx2.MockTransport(lambda _: httpx2.Response(200))
    with Client(address, transport=empty) as client, pytest.raises(UnexpectedReply) as strange:
        client.models()
    with pytest.raises(ValueError, match="service's URL") as wrong:
        Client("ftp://ada:s3cret@lab")
    assert "lab" in told and "s3cret" not in told + str(strange.value) + str(wrong.value)


def test_a_call_has_a_patience_of_its_own(
    sent: list[httpx2.Request], transport: httpx2.MockTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "brightfield_client")
    with Client("http://lab", transport=transport) as client:
        client.with_options(timeout=5).models()
        client.models()
        assert client.with_options(retries=7).policy.retries == 7 and client.policy.retries == 2
        with pytest.raises(ValueError, match="above 0"):
            client.with_options(timeout=0)
    limits = [float(request.headers["x-request-timeout"]) for request in sent]
    assert limits == [pytest.approx(5, abs=1), pytest.approx(120, abs=1)]
    assert caplog.messages == ["GET /models: 200"] * 2


def test_a_retry_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    replies = iter([503, 200])
    problem = {"code": "busy", "status": 503, "retryable": True, "retry_after_s": 0}

    def answer(request: httpx2.Request) -> httpx2.Response:
        status = next(replies)
        body = {"models": []} if status == 200 else problem
        return httpx2.Response(status, json=body, headers={"Retry-After": "0"})

    caplog.set_level(logging.INFO, "brightfield_client")
    with Client("http://lab", transport=httpx2.MockTransport(answer)) as client:
        assert client.models() == []
    assert len(caplog.messages) == 1 and "again in 0.0 s" in caplog.messages[0]
