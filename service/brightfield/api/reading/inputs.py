"""The four forms of input: raw body, multipart, JSON and .npy, read into one submission."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from brightfield.api.reading.parameters import merge
from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    MalformedForm,
    MalformedJson,
    TooManyBytes,
    UnknownParameter,
    nearest,
)
from brightfield.store.images import ImageStore

_JSON_KEYS = ("model", "image", "images", "parameters")


@dataclass(frozen=True, slots=True)
class Stored:
    """An image that lies in the image store."""

    id: str


@dataclass(slots=True)
class Submission:
    """What a request brought: images in the order sent, and parameters not yet typed.

    `batch` tells whether the reply has `items`: several files, or a JSON list even of one. An
    entry that could not be read is its error, so that it does not fail its neighbours.
    `attachments` are further images by the names that the endpoint knows.
    """

    images: list[bytes | Stored | BrightfieldError] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    batch: bool = False
    attachments: dict[str, bytes | Stored] = field(default_factory=dict)


async def read_submission(
    request: Request, max_bytes: int, attachments: Sequence[str] = ()
) -> Submission:
    """Read a request of any of the four forms; `attachments` names further images it may have.

    Raises `EmptyBody`, `TooManyBytes`, `MalformedJson`, `MalformedForm`, or an `Unprocessable`
    for what is well-formed but wrong.
    """
    query = query_of(request)
    body = await read_body(request, max_bytes)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        submission = await _from_form(request, body, max_bytes, attachments)
    elif media_type == "application/json" or media_type.endswith("+json") or looks_like_json(body):
        submission = _from_json(body, attachments)
    else:
        submission = Submission([body] if body else [])
    submission.parameters = merge([("query", query), ("body", submission.parameters)])
    _take_stored(submission, attachments)
    if submission.attachments and submission.batch:
        raise InvalidParameter(
            f"`{next(iter(submission.attachments))}` belongs to a single image; send the images "
            "of a batch one by one."
        )
    if not submission.images:
        raise EmptyBody(
            "The body is empty; send an image's bytes, a form with `file`, JSON with `image`, "
            "or image=sha256:... in the query for a stored one."
        )
    return submission


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body; stops at the limit, by Content-Length before anything is read."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_many(max_bytes)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_many(max_bytes)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def load(image: bytes | Stored, store: ImageStore) -> bytes:
    """The image's bytes, from the store if need be. Raises `ImageExpired`."""
    return store.get(image.id) if isinstance(image, Stored) else image


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(
        f"The body has more than {max_bytes} bytes, the limit (max_bytes); "
        "send fewer images at once, or a compressed format."
    )


def query_of(request: Request) -> dict[str, Any]:
    """The query's parameters; one that is repeated must have one value."""
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if values.setdefault(name, value) != value:
            raise ConflictingParameter(
                f"{name} is given as {values[name]!r} and as {value!r} in the query; give it once.",
                errors=[{"location": name}],
            )
    return values


def looks_like_json(body: bytes) -> bool:
    """Whether a body is JSON: no image format begins with a brace."""
    return body[:64].lstrip()[:1] == b"{"


def _take_stored(submission: Submission, attachments: Sequence[str]) -> None:
    """Move `image=sha256:...` from the parameters to the images, and attachments likewise."""
    for name in attachments:
        if (stored := submission.parameters.pop(name, None)) is not None:
            if name in submission.attachments:
                raise ConflictingParameter(
                    f"A `{name}` came in the body and another is named by its id; send one of them."
                )
            submission.attachments[name] = Stored(str(stored))
    wanted = submission.parameters.pop("image", None)
    if wanted is None:
        return
    if submission.images:
        raise ConflictingParameter(
            "An image came in the body and another is named by `image`; send one of them."
        )
    submission.images.append(Stored(str(wanted)))


async def _from_form(
    request: Request, body: bytes, max_bytes: int, attachments: Sequence[str]
) -> Submission:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        request.headers, stream(), max_files=100_000, max_fields=1_000, max_part_size=max_bytes
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise MalformedForm(f"The multipart form cannot be parsed: {fault}.") from None
    try:
        return await _from_fields(form, attachments)
    finally:
        await form.close()


async def _from_fields(form: FormData, attachments: Sequence[str]) -> Submission:
    submission = Submission()
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if name == "file":
                submission.images.append(content or _empty_file(value.filename))
            else:
                _attach(submission, name, content, attachments)
        elif name == "params":
            fields = merge([("params", json_object(value, "params")), ("form", fields)])
        else:
            fields = merge([("form", fields), ("form", {name: value})])
    submission.parameters = fields
    submission.batch = len(submission.images) > 1
    return submission


def _attach(submission: Submission, name: str, content: bytes, attachments: Sequence[str]) -> None:
    if name not in attachments:
        others = "".join(f", or `{other}`" for other in attachments)
        raise UnknownParameter(
            f"The form has a file named {name!r}; name it `file` (repeat it for a batch){others}."
        )
    if name in submission.attachments:
        raise ConflictingParameter(f"The form has several files named {name!r}; send one.")
    if not content:
        raise _empty_file(name)
    submission.attachments[name] = content


def _empty_file(name: str | None) -> EmptyBody:
    return EmptyBody(f"The file {name or 'file'!r} is empty.")


def json_object(text: str | bytes, place: str) -> dict[str, Any]:
    """The JSON object of a `place`. Raises `MalformedJson`, `InvalidParameter`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise MalformedJson(f"The {place} cannot be parsed as JSON: {fault}.") from None
    if not isinstance(value, dict):
        raise InvalidParameter(f"The {place} must be a JSON object.")
    return value


def _from_json(body: bytes, attachments: Sequence[str]) -> Submission:
    document = json_object(body, "body") if body else {}
    known = (*_JSON_KEYS, *attachments)
    for key in document:
        if key not in known:
            raise UnknownParameter(
                f"The JSON has {key!r}; its members are {', '.join(known)}.{nearest(key, known)}",
                errors=[{"location": key}],
            )
    parameters = document.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidParameter("`parameters` must be a JSON object.")
    if document.get("model") is not None:
        parameters = merge([("parameters", parameters), ("body", {"model": document["model"]})])
    images, batch = json_images(document)
    attached = {name: json_image(document[name], name) for name in attachments if name in document}
    return Submission(images, dict(parameters), batch, attached)


def json_images(
    document: Mapping[str, Any],
) -> tuple[list[bytes | Stored | BrightfieldError], bool]:
    """The images of a JSON document, and whether they are a batch."""
    if "image" in document and "images" in document:
        raise ConflictingParameter("The JSON has both `image` and `images`; send one of them.")
    if "image" in document:
        return [json_image(document["image"], "image")], False
    entries = document.get("images", [])
    if not isinstance(entries, list):
        raise InvalidParameter("`images` must be a list.")
    images: list[bytes | Stored | BrightfieldError] = []
    for index, entry in enumerate(entries):
        try:
            images.append(json_image(entry, f"images.{index}"))
        except BrightfieldError as fault:
            images.append(fault)
    return images, "images" in document


def json_image(entry: Any, place: str) -> bytes | Stored:
    """One image of a JSON document. Raises `InvalidParameter`, `EmptyBody`."""
    if isinstance(entry, dict) and len(entry) == 1:
        if isinstance(entry.get("id"), str):
            return Stored(entry["id"])
        if isinstance(entry.get("data"), str):
            return _decoded(entry["data"], place)
    raise InvalidParameter(
        f'{place} must be {{"data": "<base64>"}} or {{"id": "sha256:..."}}.',
        errors=[{"location": place}],
    )


def _decoded(text: str, place: str) -> bytes:
    """Base64, also of the URL-safe alphabet, wrapped in lines, or behind `data:...;base64,`."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        plain = "".join(text.split()).replace("-", "+").replace("_", "/")
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter(
            f"{place}.data is not base64.", errors=[{"location": f"{place}.data"}]
        ) from None
    if not data:
        raise EmptyBody(f"{place}.data is empty.")
    return data
