"""A call to the service as a value: what is sent, and how the answer is read. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx2
import numpy as np

from brightfield_client.arrays import plain
from brightfield_client.errors import UnexpectedReply, api_error
from brightfield_client.exchange import Policy, Steps, exchange, retry_after, shown

T = TypeVar("T")

# field, (file name, content, media type); without a file name it is a plain field
Part = tuple[str, tuple[str | None, bytes, str]]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reading of its answer.

    A call that is not `idempotent` is repeated only when the service has certainly not begun it.
    Statuses in `accept` are read like 200; any other from 400 up is raised as an `ApiError`.
    Without `deadline` the service is not told how long the client waits, for what outlasts the
    request.
    """

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    files: tuple[Part, ...] = ()
    idempotent: bool = True
    accept: frozenset[int] = frozenset()
    deadline: bool = True
    timeout: float | None = None
    """Seconds for the answer, all retries included; None is the client's."""
    single: Callable[[int], Call[T]] | None = None
    """Of a batch: the call about one of its images alone."""

    def with_json(self, body: Mapping[str, Any]) -> Call[T]:
        """The call with a body of JSON."""
        headers = {**self.headers, "Content-Type": "application/json"}
        return replace(self, headers=headers, content=json.dumps(body, default=plain).encode())

    def with_given(self, parameters: Mapping[str, Any]) -> Call[T]:
        """The call with a body of the parameters that are given; None stands for the default."""
        return self.with_json({name: each for name, each in parameters.items() if each is not None})

    def parse(self, response: httpx2.Response) -> T:
        """The answer as a value. Raises an `ApiError` or `UnexpectedReply`."""
        if response.status_code >= 400 and response.status_code not in self.accept:
            raise api_error(
                response.status_code, problem(response), retry_after=retry_after(response)
            )
        return self.read(response)

    def steps(self, policy: Policy) -> Steps[T]:
        """Send until there is an answer or no retry is left."""
        return exchange(self, policy)

    def request(self, http: httpx2.Client | httpx2.AsyncClient, timeout: float) -> httpx2.Request:
        """The call as a request of one client, to be answered within `timeout` seconds."""
        limit = {"X-Request-Timeout": f"{timeout:.3f}"} if self.deadline else {}
        return http.build_request(
            self.method,
            self.path,
            params=dict(self.params) or None,
            headers={**limit, **self.headers},
            content=self.content or None,
            files=list(self.files) or None,
            timeout=httpx2.Timeout(timeout + GRACE, connect=min(timeout, CONNECT)),
        )


@dataclass(frozen=True)
class LazyCall:
    """A call that is made when it is needed."""

    make: Callable[[], Call[Any]]


GRACE = 2.0
"""Seconds past the deadline in which the service can still say that it passed (504)."""
CONNECT = 10.0
"""Most seconds for opening a connection."""


def problem(response: httpx2.Response) -> Mapping[str, Any]:
    """The problem in a reply; for a stranger's reply (a proxy's page) one made from the status."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    return {"title": f"HTTP {response.status_code} {response.reason_phrase}".strip()}


def read_json(response: httpx2.Response) -> Any:
    """The body as JSON. Raises `UnexpectedReply` for anything else."""
    try:
        return response.json()
    except ValueError as fault:
        kind, url = response.headers.get("content-type", "no type"), shown(response.request.url)
        raise UnexpectedReply(
            f"{url} answered with {kind}, not JSON; is this a Brightfield service?"
        ) from fault


def path_of(template: str, *things: object) -> str:
    """A path whose braces are filled with things, or with the ids of those that have one.

    Raises `ValueError` for what no quoting keeps from being another path.
    """
    names = [str(getattr(each, "id", each)) for each in things]
    if wrong := [name for name in names if name in ("", ".", "..")]:
        raise ValueError(f"{wrong[0]!r} can't be a name: as part of an address it means another.")
    return template.format(*(quote(name, safe="") for name in names))


def query_text(value: Any) -> str:
    """A parameter's value as the query carries it.

    Booleans are true and false; a sequence is joined with commas, a sequence of sequences (the
    corners of a polygon) with semicolons; a mapping is JSON, as are texts that have commas.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return json.dumps(value, default=plain)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        if any(isinstance(part, str) and "," in part for part in value):
            return json.dumps(value)
        nested = any(isinstance(part, list | tuple) for part in value)
        return (";" if nested else ",").join(query_text(part) for part in value)
    return str(value)


def query(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that are given: None stands for the service's default and is omitted."""
    return {name: query_text(value) for name, value in parameters.items() if value is not None}
