"""A service with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from brightfield.access.issuing import KeyRequest, issue
from brightfield.api.app import create_app
from brightfield.settings import Settings
from brightfield.store.keys import KeyLimits, open_keys


class Lab:
    """A service with keys."""

    def __init__(self, client: TestClient, url: str) -> None:
        self.client = client
        self._url = url
        self._keys: dict[str, str] = {}

    def key(self, name: str, *scopes: str, project: str = "default", **limits: Any) -> str:
        """The text of the key of that name, which is made when it is first asked for."""
        if name not in self._keys:
            wanted = KeyRequest(name, scopes or (name,), project, limits=KeyLimits(**limits))
            with open_keys(self._url) as store:
                self._keys[name] = issue(store, wanted)[0].text
            self.client.app.state.services.keyring.read()  # type: ignore[attr-defined]
        return self._keys[name]

    def ask(self, method: str, path: str, key: str | None = None, **options: Any) -> Any:
        own = {} if key is None else {"Authorization": f"Bearer {key}"}
        headers = {**own, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)


@pytest.fixture(scope="session")
def lab(settings_of: Callable[..., Settings]) -> Iterator[Lab]:
    settings = settings_of(preload=False)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        found = Lab(client, settings.store_url)
        found.key("root", "admin")
        yield found
