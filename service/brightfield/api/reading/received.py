"""What comes over the network, read whole and not yet understood; all that awaits a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import FormData, Headers, QueryParams, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from brightfield.api.problems import request_id_of
from brightfield.errors import MalformedForm, TooManyBytes


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, under the name of its field."""

    field: str
    filename: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class FormParts:
    """The files and the texts of a form, each in the order sent."""

    files: tuple[FormFile, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


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


_NO_FORM = FormParts()


async def receive(request: Request, max_bytes: int) -> Received:
    """Read the request to the end of its body. Raises `TooManyBytes`, `MalformedForm`."""
    body = await _body(request, max_bytes)
    return await received_from(request.query_params, request.headers, body, request_id_of(request))


async def received_from(
    query: QueryParams, headers: Headers, body: bytes, request_id: str
) -> Received:
    """A request from its parts. Raises `MalformedForm`."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_form = media_type == "multipart/form-data"
    form = await _form(headers, body) if is_form else _NO_FORM
    return Received(query, headers, media_type, body, form, request_id)


async def _body(request: Request, max_bytes: int) -> bytes:
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


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(
        f"The body has more than {max_bytes} bytes, the limit (max_bytes); "
        "send fewer images at once, or a compressed format."
    )


async def _form(headers: Headers, body: bytes) -> FormParts:
    """Starlette's parser awaits a stream, and so do files that it has put on the disk."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    longest = len(body)  # no part is longer, and the body has been measured
    parser = MultiPartParser(
        headers, stream(), max_files=100_000, max_fields=1_000, max_part_size=longest
    )
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise MalformedForm(f"The multipart form cannot be parsed: {fault}.") from None
    try:
        return await _form_of(parts)
    finally:
        await parts.close()


async def _form_of(parts: FormData) -> FormParts:
    files: list[FormFile] = []
    texts: list[tuple[str, str]] = []
    for name, value in parts.multi_items():
        if isinstance(value, UploadFile):
            files.append(FormFile(name, value.filename, await value.read()))
        else:
            texts.append((name, value))
    return FormParts(tuple(files), tuple(texts))
