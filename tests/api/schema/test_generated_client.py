"""A client that a generator makes of the OpenAPI document type-checks, and classifies an image."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from ...docs.pages import ROOT
from ..conftest import CHELSEA, png

# The generator knows bytes by one media type alone.
BYTES = (
    "application/x-npy", "application/x-npz", "text/csv", "image/jpeg", "image/png",
    "image/svg+xml",
)  # fmt: skip
OPTIONS = "post_hooks: []\ncontent_type_overrides:\n" + "".join(
    f"  {media_type}: application/octet-stream\n" for media_type in BYTES
)
USE = '''
"""What a caller writes."""

import io

from generated_client import AuthenticatedClient
from generated_client.api.images import classify
from generated_client.models import ClassifyReply, Problem
from generated_client.types import File


def labels(client: AuthenticatedClient, picture: bytes, top_k: int) -> list[str]:
    answer = classify.sync(client=client, body=File(io.BytesIO(picture)), top_k=top_k)
    assert isinstance(answer, ClassifyReply)
    return [each.label for each in answer.result.predictions]


def fault(client: AuthenticatedClient) -> str:
    answer = classify.sync(client=client, body=File(io.BytesIO(b"no image")))
    assert isinstance(answer, Problem)
    return answer.code
'''


class InProcess(httpx.BaseTransport):
    """Requests of the generated client by way of a test client."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._client.request(
            request.method, str(request.url), headers=request.headers.raw, content=request.read()
        )
        return httpx.Response(
            answer.status_code, headers=dict(answer.headers), content=answer.content
        )


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the package lies in."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "options.yml").write_text(OPTIONS)
    (folder / "use_client.py").write_text(USE)
    document = str(ROOT / "docs" / "openapi.json")
    made = _run(
        folder, "openapi_python_client", "generate", "--path", document, "--meta", "none",
        "--config", "options.yml", "--output-path", "generated_client", "--fail-on-warning",
    )  # fmt: skip
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-1000:]
    yield folder


def _run(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_type_checks(generated: Path) -> None:
    checked = _run(
        generated, "mypy", "--strict", "--no-incremental", "generated_client", "use_client.py"
    )
    assert checked.returncode == 0, checked.stdout[-3000:]


@pytest.mark.slow
def test_it_classifies_an_image(
    generated: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(generated)
    package: Any = importlib.import_module("generated_client")
    use: Any = importlib.import_module("use_client")
    asking = package.AuthenticatedClient(base_url="http://testserver", token="")
    asking.set_httpx_client(httpx.Client(base_url="http://testserver", transport=InProcess(client)))
    found = use.labels(asking, png(CHELSEA), 3)
    assert len(found) == 3 and "Egyptian cat" in found
    assert use.fault(asking) == "unknown_format"
