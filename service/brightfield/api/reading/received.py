"""What comes over the network, read whole and not yet understood; all that awaits a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ParamSpec, TypeVar

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request

from brightfield.api.admission.body_budget import HeldBytes
from brightfield.api.problems import request_id_of
from brightfield.api.reading.body import BodyRules, read_body
from brightfield.api.reading.forms import NO_FORM, FormParts, read_form
from brightfield.runtime.ticket import Ticket

P = ParamSpec("P")
T = TypeVar("T")

# Bytes that are understood within a few milliseconds, whatever they say.
_QUICK = 1 << 18
# Tools ask the same way again and again.
_REMEMBERED, _LONGEST_REMEMBERED = 256, 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    query: QueryParams
    headers: Headers
    media_type: str
    """That of the body, in lower case without its options; empty where none is named."""
    body: bytes
    form: FormParts
    """The parts of a body that is a form; else empty."""
    request_id: str

    @property
    def is_form(self) -> bool:
        return self.media_type == "multipart/form-data"

    @property
    def is_json(self) -> bool:
        """By its type, or by its first bytes: no image format begins with a brace."""
        named = self.media_type == "application/json" or self.media_type.endswith("+json")
        return named or self.body[:64].lstrip()[:1] == b"{"


async def receive(request: Request, rules: BodyRules, ticket: Ticket, held: HeldBytes) -> Received:
    """Read the request to the end of its body.

    Raises as `read_body`, and `MalformedForm` or `TooManyImages` for a form.
    """
    body = await read_body(request, rules, ticket, held)
    query = request.scope["query_string"]
    parsed = _parsed(query) if len(query) <= _LONGEST_REMEMBERED else request.query_params
    return await received_from(parsed, request.headers, body, request_id_of(request))


@lru_cache(maxsize=_REMEMBERED)
def _parsed(query: bytes) -> QueryParams:
    """Parsed parameters can't be changed, so requests can share them."""
    return QueryParams(query)


async def received_from(
    query: QueryParams, headers: Headers, body: bytes, request_id: str
) -> Received:
    """A request from its parts. Raises `MalformedForm` or `TooManyImages` for a form."""
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    received = Received(query, headers, media_type, body, NO_FORM, request_id)
    if received.is_form:
        form = await off_loop(received, read_form, content_type, body)
        return replace(received, form=form)
    return received


async def off_loop(
    received: Received, understand: Callable[P, T], *given: P.args, **options: P.kwargs
) -> T:
    """What `understand` makes of a request; in a thread where that may hold up the event loop."""
    if len(received.body) <= _QUICK or not (received.is_form or received.is_json):
        return understand(*given, **options)
    return await asyncio.to_thread(understand, *given, **options)
