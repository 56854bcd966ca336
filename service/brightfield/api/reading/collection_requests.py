"""What requests about collections bring, and how they are answered."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, TypeVar

import numpy as np
import orjson
from pydantic import BaseModel, BeforeValidator
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from brightfield.api.image_endpoints import Services
from brightfield.api.limits import Claim, RequestScope, ticket_of
from brightfield.api.problems import problem, request_id_of
from brightfield.api.reading.inputs import (
    Stored,
    json_image,
    json_images,
    json_object,
    load,
    looks_like_json,
    query_of,
    read_body,
    read_submission,
)
from brightfield.api.reading.parameters import merge, parse
from brightfield.collections.adding import Added, NewImage
from brightfield.collections.queries import watched
from brightfield.engine.engine import Progress
from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    InvalidVectors,
    ReplyTooLarge,
)
from brightfield.parameters import Ids, Parameters
from brightfield.runtime.ticket import Ticket
from brightfield.store.images import ImageStore

T = TypeVar("T", bound=BaseModel)
Responder = Callable[[Ticket, Progress | None], Awaitable[Response]]

_DTYPES = ("float16", "float32", "float64")


def _json_text(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("this is no JSON") from None


def _objects(value: Any) -> Any:
    found = _json_text(value) if isinstance(value, str) else value
    return [found] if isinstance(found, dict) else found


@dataclass(slots=True)
class CollectionRequest:
    """A request's images, the members of its JSON that are no parameters, and its parameters."""

    images: list[bytes | Stored | BrightfieldError] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class NewItemFields(Parameters):
    """How images or vectors are named."""

    ids: Ids | None = None
    """An id for each, in their order, as a JSON list or with commas; left out: the SHA-256 of the
    content."""
    metadata: Annotated[tuple[dict[str, Any], ...] | None, BeforeValidator(_objects)] = None
    """An object of texts, numbers and booleans for each, in their order, or one for all."""
    replace: bool = False
    """Whether an item takes the place of one with the same id and other content."""

    def ids_of(self, count: int) -> Sequence[str | None]:
        """Raises `InvalidParameter` where there are not so many."""
        if self.ids is None:
            return [None] * count
        _check_count("ids", len(self.ids), count)
        return self.ids

    def metadata_of(self, count: int) -> Sequence[Mapping[str, Any]]:
        """Raises `InvalidParameter` where there are not so many."""
        if self.metadata is None:
            return [{}] * count
        if len(self.metadata) == 1:
            return list(self.metadata) * count
        _check_count("metadata", len(self.metadata), count)
        return self.metadata


async def read_posted(
    request: Request, max_bytes: int, members: Sequence[str] = ()
) -> CollectionRequest:
    """Read JSON, or an image by the other forms; of JSON, `members` are no parameters.

    Parameters may stand in the query, in `parameters` or beside the images.
    """
    body = await read_body(request, max_bytes)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or looks_like_json(body)
    if body and is_json and media_type != "multipart/form-data":
        return _from_json(body, query_of(request), members)
    if not body and "image" not in request.query_params:
        return CollectionRequest(parameters=query_of(request))

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    submission = await read_submission(Request(request.scope, again), max_bytes)
    return CollectionRequest(submission.images, {}, submission.parameters)


def _from_json(body: bytes, query: Mapping[str, Any], members: Sequence[str]) -> CollectionRequest:
    document = json_object(body, "body")
    own = {name: document.pop(name) for name in members if document.get(name) is not None}
    images, _ = json_images(document)
    inner = document.pop("parameters", None) or {}
    if not isinstance(inner, dict):
        raise InvalidParameter("`parameters` must be a JSON object.")
    beside = {name: v for name, v in document.items() if name not in ("image", "images", *members)}
    parameters = merge([("query", query), ("parameters", inner), ("body", beside)])
    parameters = {name: value for name, value in parameters.items() if value is not None}
    if "image" in parameters and not images:
        images.append(json_image({"id": str(parameters.pop("image"))}, "image"))
    return CollectionRequest(images, own, parameters)


def sources_of(
    images: Sequence[bytes | Stored | BrightfieldError], intake: NewItemFields, store: ImageStore
) -> list[NewImage]:
    """The images with their ids and metadata. Raises `InvalidParameter` for counts that differ."""
    ids, metadata = intake.ids_of(len(images)), intake.metadata_of(len(images))
    return [
        NewImage(partial(_bytes_of, image, store), item_id, facts)
        for image, item_id, facts in zip(images, ids, metadata, strict=True)
    ]


def image_of(posted: CollectionRequest, store: ImageStore) -> bytes | None:
    """The one image of a question, or None."""
    if not posted.images:
        return None
    if len(posted.images) > 1:
        raise InvalidParameter("Ask with one image at a time.")
    return _bytes_of(posted.images[0], store)


def _bytes_of(image: bytes | Stored | BrightfieldError, store: ImageStore) -> bytes:
    if isinstance(image, BrightfieldError):
        raise image
    return load(image, store)


def one_of(given: Mapping[str, Any]) -> None:
    """Raises where not exactly one of the ways to ask is taken."""
    names = [name for name, value in given.items() if value is not None]
    listed = ", ".join(f"`{name}`" for name in given)
    if not names:
        raise EmptyBody(f"There is nothing to search for; send one of {listed}.")
    if len(names) > 1:
        raise ConflictingParameter(f"Send one of {listed}, not several.")


def array_of(value: Any) -> Any:
    """Vectors of JSON: rows of numbers, or `{"shape", "dtype", "data"}` with base64 of them."""
    if not isinstance(value, dict):
        return value
    try:
        shape, dtype = tuple(int(n) for n in value["shape"]), str(value["dtype"])
        if dtype not in _DTYPES:
            raise InvalidVectors(f"The dtype of vectors is one of {', '.join(_DTYPES)}.")
        data = base64.b64decode(value["data"], validate=True)
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise InvalidVectors(
            'Vectors are rows of numbers, or {"shape": [n, d], "dtype": "float32", "data": '
            '"<base64, little-endian, C order>"}.'
        ) from None


async def carried_out(request: Request, endpoint: str, claim: Claim, work: Responder) -> Response:
    """At once with the caller's patience, or as a job where the request prefers that."""
    services: Services = request.app.state.services
    ticket = ticket_of(request, services.engine.settings.timeout)
    if "respond-async" in request.headers.get("prefer", ""):
        kept = services.admission.hand_over(claim)
        return await services.jobs.submit(endpoint, work, kept.release)
    async with RequestScope(request, ticket):
        return await work(ticket, None)


async def explored(
    request: Request,
    name: str,
    what: str,
    options: type[T],
    explore: Callable[[str, T, Progress], dict[str, Any]],
) -> Response:
    """Read the options, and answer at once or as a job, in a thread of those that explore."""
    services: Services = request.app.state.services
    settings, exploring = services.engine.settings, services.collections.exploring
    with services.admission.admit() as claim:
        posted = await read_posted(request, settings.max_bytes)
        (given,) = parse((options,), posted.parameters)
        assert isinstance(given, options)

        async def work(ticket: Ticket, progress: Progress | None) -> Response:
            answer = await exploring.off_loop(explore, name, given, watched(ticket, progress))
            return await asyncio.to_thread(written, answer, settings.max_reply_bytes)

        return await carried_out(request, f"/collections/{name}/{what}", claim, work)


def written(document: Mapping[str, Any], max_reply_bytes: int, status: int = 200) -> Response:
    """The reply as JSON. Raises `ReplyTooLarge`."""
    content = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=str)
    if len(content) > max_reply_bytes:
        raise ReplyTooLarge(
            f"The reply has {len(content)} bytes and the limit is {max_reply_bytes} "
            "(max_reply_bytes); ask for fewer items, by a filter or a smaller number."
        )
    return Response(content, status, media_type="application/json")


def added_reply(request: Request, name: str, added: Sequence[Added], limit: int) -> Response:
    """What became of each item: 200, or 207 where some failed."""
    request_id = request_id_of(request)
    entries = [
        {"id": each.id, "error": problem(each.outcome, f"{request_id}.{index}")}
        if isinstance(each.outcome, BrightfieldError)
        else {"id": each.id, "outcome": each.outcome}
        for index, each in enumerate(added)
    ]
    failed = any("error" in entry for entry in entries)
    return written({"collection": name, "items": entries}, limit, 207 if failed else 200)


def _check_count(name: str, given: int, count: int) -> None:
    if given != count:
        raise InvalidParameter(
            f"There are {count} images or vectors and {given} {name}; send one for each.",
            errors=[{"location": name, "expected": count, "received": given}],
        )
