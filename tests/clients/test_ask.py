"""Any image endpoint of the service, by its name: `client.ask` and `brightfield ask`."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from brightfield_client import AsyncClient, Batch, Binary, Classification, Client, Result
from brightfield_client.cli import main


@pytest.fixture
def counting(fake, enveloped):
    """A service with an endpoint that no class here is for."""

    def reply(request):
        if request.url.path == "/livez":
            return httpx2.Response(200, json={"version": "0.1.0"})
        if request.url.path != "/count":
            return httpx2.Response(404, json={"code": "not_found", "detail": "Not there."})
        if request.url.params.get("format") == "csv":
            headers = {"Content-Type": "text/csv"}
            return httpx2.Response(200, content=b"n\r\n7\r\n", headers=headers)
        answer = enveloped({"n": 7}, "count")
        batch = request.headers["content-type"].startswith("multipart")
        return httpx2.Response(200, json={"items": [answer, answer]} if batch else answer)

    fake.reply = reply
    return fake


def test_an_endpoint_without_a_class_gives_a_plain_result(client, counting):
    answer = client.ask("count", b"x", "tiny", least=3)
    assert (type(answer), answer.json, answer.task) == (Result, {"n": 7}, "count")
    assert dict(counting.last.url.params) == {"model": "tiny", "least": "3"}
    assert answer.again("csv").content == b"n\r\n7\r\n"
    assert "tiny" in answer._repr_html_()
    batch = client.ask("/count", [b"1", b"2"])
    assert isinstance(batch, Batch)
    assert [each.json["n"] for each in batch.results] == [7, 7]
    assert isinstance(client.ask("count", b"x", format="csv"), Binary)


def test_a_known_endpoint_gives_its_own_class(client):
    assert isinstance(client.ask("classify", b"x", top_k=1), Classification)


def test_asyncio(counting):
    async def ask():
        async with AsyncClient("http://f", transport=httpx2.MockTransport(counting.answer)) as made:
            return await made.ask("count", b"x")

    assert asyncio.run(ask()).json == {"n": 7}


def test_the_command(counting, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(
        "brightfield_client.cli.connect.Client",
        lambda *_, **__: Client("http://f", transport=httpx2.MockTransport(counting), retries=0),
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"one")
    assert main(["ask", "count", "a.png", "--set", "least=3"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["file"], line["result"]) == ("a.png", {"n": 7})
    assert dict(counting.last.url.params) == {"least": "3"}
    assert main(["ask", "count", "a.png", "--format", "csv", "--out", "o"]) == 0
    assert (tmp_path / "o" / "a.csv").read_bytes() == b"n\r\n7\r\n"
    assert main(["ask", "count", "a.png", "--format", "csv"]) == 2
    assert main(["ask", "nothing", "a.png"]) == 1
    assert "Not there." in capsys.readouterr().err
