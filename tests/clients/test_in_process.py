from __future__ import annotations

import asyncio
import threading

import httpx2
import pytest

from brightfield_client import Client, ConnectionFailed, InProcess, TimedOut


class App:
    """A bare ASGI application; each path is one way of answering."""

    def __init__(self):
        self.life = []
        self.left = threading.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{phase}"
                self.life.append(phase)
                await send({"type": f"lifespan.{phase}.complete"})
            return
        body = (await receive())["body"]
        if scope["path"] == "/broken":
            raise RuntimeError("broken")
        if scope["path"] == "/slow":
            assert (await receive())["type"] == "http.disconnect"
            self.left.set()
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        text = f"{scope['method']} {scope['query_string'].decode()} ".encode() + body
        await send({"type": "http.response.body", "body": text, "more_body": True})
        if scope["path"] == "/stream":
            await asyncio.to_thread(self.left.wait, 30)
        await send({"type": "http.response.body", "body": b"!"})


@pytest.fixture
def app():
    return App()


def test_requests_and_lifespan(app):
    with httpx2.Client(base_url="http://localhost", transport=InProcess(app)) as http:
        assert http.post("/", params={"a": "1"}, content=b"body").text == "POST a=1 body!"
        assert app.life == ["startup"]
    assert app.life == ["startup", "shutdown"]


def test_answers_arrive_as_they_are_sent(app):
    with (
        httpx2.Client(base_url="http://localhost", transport=InProcess(app)) as http,
        http.stream("GET", "/stream") as response,
    ):
        chunks = response.iter_raw()
        assert next(chunks) == b"GET  "
        app.left.set()
        assert list(chunks) == [b"!"]


def test_faults_are_those_of_a_network(app):
    with Client("http://localhost", timeout=5, retries=0, transport=InProcess(app)) as client:
        from brightfield_client.calls.call import Call

        with pytest.raises(ConnectionFailed, match="broken"):
            client.run(Call("GET", "/broken", lambda response: response.text))


def test_a_client_that_leaves_is_a_disconnect(app, monkeypatch):
    monkeypatch.setattr("brightfield_client.calls.call.GRACE", 0.0)
    with Client("http://localhost", timeout=0.05, transport=InProcess(app)) as client:
        from brightfield_client.calls.call import Call

        with pytest.raises(TimedOut):
            client.run(Call("GET", "/slow", lambda response: response.text))
        assert app.left.wait(30)


def test_an_application_that_does_not_start():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no models"})

    with pytest.raises(RuntimeError, match="no models"):
        InProcess(app)
