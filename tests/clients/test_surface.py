"""What the package shows to the outside."""

from __future__ import annotations

import asyncio
import inspect

import httpx2
import pytest

import brightfield_client
from brightfield_client import AsyncClient, AsyncJob, Client, Job
from brightfield_client.calls import _images
from brightfield_client.calls.endpoints import ENDPOINTS

UNLIKE = {"__enter__", "__exit__", "__aenter__", "__aexit__"}


def test_all_is_the_public_surface():
    assert (
        sorted(brightfield_client.__all__) == brightfield_client.__all__ == dir(brightfield_client)
    )
    for name in brightfield_client.__all__:
        assert getattr(brightfield_client, name).__name__ == name
    with pytest.raises(AttributeError, match="Klient"):
        _ = brightfield_client.Klient


def surface(kind):
    return {
        name: [(p.name, p.kind, p.default) for p in inspect.signature(value).parameters.values()]
        for name, value in vars(kind).items()
        if callable(value) and (not name.startswith("_") or name == "__init__")
    }


@pytest.mark.parametrize("pair", [(Client, AsyncClient), (Job, AsyncJob)])
def test_sync_and_async_have_the_same_methods_and_parameters(pair):
    synchronous, asynchronous = map(surface, pair)
    assert synchronous == asynchronous
    assert len(synchronous) >= 5


def test_methods_look_like_their_calls_with_every_parameter_by_its_name():
    for name, endpoint in ENDPOINTS.items():
        method, build = getattr(Client, name), getattr(_images, name)
        assert method.__doc__ == build.__doc__
        parameters = inspect.signature(method).parameters
        assert {"self", "image", "model", "format", "region", *endpoint.images} <= set(parameters)
        missing = [each for each in parameters if f"{each}: " not in method.__doc__]
        assert set(missing) <= {"self", "parameters", *endpoint.variants}


def test_the_url_is_the_argument_the_variable_or_this_machine(monkeypatch):
    monkeypatch.delenv("BRIGHTFIELD_URL", raising=False)
    assert Client().url == "http://127.0.0.1:8000"
    monkeypatch.setenv("BRIGHTFIELD_URL", "http://lab:9000/brightfield")
    assert Client().url == "http://lab:9000/brightfield"
    assert AsyncClient("https://other").url == "https://other"


def test_a_url_may_have_a_path(fake):
    with Client("http://lab/bright", transport=httpx2.MockTransport(fake)) as client:
        client.classify(b"x")
    assert fake.last.url.path == "/bright/classify"


@pytest.mark.parametrize(
    "wrong", [{"url": "lab:8000"}, {"timeout": 0}, {"timeout": float("inf")}, {"retries": -1}]
)
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=f"(?i){next(iter(wrong))}"):
        Client(**wrong)


def test_the_async_client_reads_files_and_answers(fake, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"pixels")

    async def ask():
        async with AsyncClient("http://fake", transport=httpx2.MockTransport(fake.answer)) as made:
            return await made.classify(path, top_k=1)

    assert asyncio.run(ask()).top.label == "cat"
    assert fake.last.content == b"pixels"
