"""HTTPS with a certificate of one's own, asked by the SDK and the command line with a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import trustme

from brightfield.access.issuing import KeyRequest, issue
from brightfield.store.keys import open_keys
from brightfield_client import Client
from brightfield_client.errors import ConnectionFailed, ForbiddenError, UnauthorizedError

from .killable import Service, running

pytestmark = pytest.mark.slow
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from brightfield_client.cli import main; sys.exit(main())",
]


class Lab:
    """A service with HTTPS and a key, and the file of the authority that both trust."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        self.service = Service(
            folder, "", tls_certificate=folder / "certificate.pem", tls_key=folder / "key.pem"
        )
        with open_keys(self.service.settings.store_url) as store:
            self.key = issue(store, KeyRequest("reader"))[0].text


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    found = Lab(tmp_path_factory.mktemp("tls"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(found.authority))
        with running(found.service):
            yield found


def test_the_sdk_asks_over_https_with_its_key(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    url = lab.service.url
    assert url.startswith("https://")
    with Client(url, api_key=lab.key) as client:
        assert lab.key not in repr(client._connection)
        assert any(model.id == "imagenet-lite0" for model in client.models())
        with pytest.raises(ForbiddenError, match="models"):
            client.load_model("imagenet-lite0")
    monkeypatch.setenv("BRIGHTFIELD_API_KEY", f"{lab.key}\n")  # as from a file
    with Client(url) as client:
        assert client.models()
    monkeypatch.delenv("BRIGHTFIELD_API_KEY")
    with Client(url) as client, pytest.raises(UnauthorizedError) as refused:
        client.models()
    assert refused.value.code == "missing_key"


def test_a_client_that_does_not_know_the_authority_sends_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = Client(lab.service.url, api_key=lab.key, retries=0)
    with client, pytest.raises(ConnectionFailed, match="certificate"):
        client.models()


def test_plain_http_is_no_way_in(lab: Lab) -> None:
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(lab.service.url.replace("https", "http") + "/livez", trust_env=False)


@pytest.mark.slow
def test_the_command_line_takes_the_key_of_its_environment(lab: Lab) -> None:
    known = {k: v for k, v in os.environ.items() if k != "BRIGHTFIELD_API_KEY"}
    environment = {**known, "BRIGHTFIELD_URL": lab.service.url, "SSL_CERT_FILE": str(lab.authority)}
    ask = [*COMMAND, "models", "list", "--json"]
    refused = subprocess.run(ask, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "BRIGHTFIELD_API_KEY" in refused.stderr
    environment["BRIGHTFIELD_API_KEY"] = lab.key
    told = subprocess.run(ask, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)
