"""The API key goes with every request, and nowhere else."""

from __future__ import annotations

import httpx2
import pytest

from brightfield_client import AsyncClient, Client
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
