"""The real app with the shipped model, asked in the process and once over a socket."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.settings import Settings

from ..toys.preloaded import preloaded
from .conformance import watched_applications


def png(pixels: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(pixels: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


# Default models of the dense tasks that are there anyway; tests name the ones they want.
NOT_DENSE = "detect=imagenet-lite0,segment=imagenet-lite0,superresolve=imagenet-lite0"

CHELSEA = skimage.data.chelsea()
COFFEE = skimage.data.coffee()


@pytest.fixture(scope="session", autouse=True)
def violations() -> Iterator[list[str]]:
    """What the OpenAPI document does not describe of the replies so far."""
    with watched_applications() as found:
        yield found


@pytest.fixture(autouse=True)
def every_reply_conforms(violations: list[str]) -> Iterator[None]:
    """Fails a test in which an application answered otherwise than its document says."""
    violations.clear()
    yield
    assert not violations, "\n".join(violations)


@pytest.fixture(scope="session")
def settings_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    def make(**values: Any) -> Settings:
        data: Path = tmp_path_factory.mktemp("data")
        defaults = {"allowed_hosts": "testserver,127.0.0.1", "default_models": NOT_DENSE}
        return Settings(**{"data": data, **defaults, **values})

    return make


@pytest.fixture(scope="session")
def app(settings_of: Callable[..., Settings]) -> FastAPI:
    return create_app(settings_of())


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        preloaded(app)
        yield client


@pytest.fixture
def started(settings_of: Callable[..., Settings]) -> Iterator[Callable[..., TestClient]]:
    """Further services with settings of their own."""
    clients: list[TestClient] = []

    def start(**values: Any) -> TestClient:
        app = create_app(settings_of(**values))
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        preloaded(app)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)
