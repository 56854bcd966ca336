from __future__ import annotations

import httpx2
import pytest

from brightfield_client import UnexpectedReply


@pytest.mark.parametrize(("status", "expected"), [(200, True), (503, False), (403, False)])
def test_live_and_ready(client, fake, pauses, status, expected):
    fake.reply = lambda _: httpx2.Response(status, json={})
    assert client.live() is expected
    assert client.ready() is expected
    assert [request.url.path for request in fake.requests] == ["/livez", "/readyz"]


def test_nobody_there_is_a_no(client, fake):
    def refuse(request):
        raise httpx2.ConnectError("refused", request=request)

    fake.reply = refuse
    assert not client.ready()
    assert len(fake.requests) == 1


def test_version_and_metrics(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"version": "0.1.0"})
    assert client.version() == "0.1.0"
    fake.reply = lambda _: httpx2.Response(200, text="requests_total 3\n")
    assert client.metrics_text() == "requests_total 3\n"
    fake.reply = lambda _: httpx2.Response(200, json={"status": "up"})
    with pytest.raises(UnexpectedReply, match="version"):
        client.version()
