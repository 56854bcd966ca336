"""How answers are read: JSON as values or lists of them, binary formats, arrays."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx2
import numpy as np

from brightfield_client.arrays import Array
from brightfield_client.calls.call import read_json
from brightfield_client.errors import UnexpectedReply
from brightfield_client.results.binary import Binary
from brightfield_client.results.value import Value

T = TypeVar("T")
Read = Callable[[httpx2.Response], T]


V = TypeVar("V", bound=Value)


def one(kind: type[V]) -> Read[V]:
    """A value of this kind."""
    return lambda response: kind.from_json(read_json(response))


def several(kind: type[V], key: str) -> Read[list[V]]:
    """The values in a list, bare or under `key`."""
    return lambda response: [kind.from_json(each) for each in entries(read_json(response), key)]


def part(key: str, kind: Callable[[Any], T]) -> Read[T]:
    """What stands under one key."""

    def read(response: httpx2.Response) -> T:
        body = read_json(response)
        if not isinstance(body, dict) or key not in body:
            raise UnexpectedReply(f"The reply names no {key}; is this a Brightfield service?")
        return kind(body[key])

    return read


def document(response: httpx2.Response) -> Mapping[str, Any]:
    """The JSON object itself."""
    body = read_json(response)
    if not isinstance(body, dict):
        raise UnexpectedReply("The reply isn't a JSON object.")
    return body


def nothing(response: httpx2.Response) -> None:
    """An answer that says only that all went well."""


def text(response: httpx2.Response) -> str:
    return response.text


def binary(response: httpx2.Response) -> Binary:
    """The bytes of an answer with its type."""
    return Binary(response.content, media_type(response), dict(response.headers))


def arrays(response: httpx2.Response) -> Mapping[str, Array]:
    """The arrays of an NPZ archive by their names."""
    try:
        with np.load(io.BytesIO(response.content), allow_pickle=False) as archive:
            return dict(archive)
    except (ValueError, OSError) as fault:
        raise UnexpectedReply(f"The reply isn't an NPZ archive: {fault!r}.") from fault


def media_type(response: httpx2.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


def entries(body: Any, key: str) -> list[Any]:
    """The objects of a list, bare or under `key`."""
    found = body.get(key) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise UnexpectedReply(f"The reply has no list of {key}.")
    return found
