"""What comes over the network, read whole and not yet understood; all that awaits a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, Headers, QueryParams, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from brightfield.api.problems import request_id_of
from brightfield.errors import ConflictingParameter, MalformedForm, TooManyBytes


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    query: QueryParams
    headers: Headers
    body: bytes
    request_id: str

    @property
    def media_type(self) -> str:
        """That of the body, in lower case without its options; empty where none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, under the name of its field."""

    field: str
    filename: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The files and the texts of a form, each in the order sent."""

    files: list[FormFile] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)


async def receive(request: Request, max_bytes: int) -> Received:
    """Read the request to the end of its body. Raises `TooManyBytes`."""
    body = await read_body(request, max_bytes)
    return Received(request.query_params, request.headers, body, request_id_of(request))


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


def _too_many(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(
        f"The body has more than {max_bytes} bytes, the limit (max_bytes); "
        "send fewer images at once, or a compressed format."
    )


async def read_form(received: Received) -> Form:
    """The parts of a multipart body; an empty form for any other body. Raises `MalformedForm`.

    Starlette's parser awaits a stream, and so do files that it has put on the disk.
    """
    if received.media_type != "multipart/form-data":
        return Form()

    async def stream() -> AsyncGenerator[bytes, None]:
        yield received.body

    longest = len(received.body)  # a part is no longer, and the body has been measured
    parser = MultiPartParser(
        received.headers, stream(), max_files=100_000, max_fields=1_000, max_part_size=longest
    )
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise MalformedForm(f"The multipart form cannot be parsed: {fault}.") from None
    try:
        return await _form_of(parts)
    finally:
        await parts.close()


async def _form_of(parts: FormData) -> Form:
    form = Form()
    for name, value in parts.multi_items():
        if isinstance(value, UploadFile):
            form.files.append(FormFile(name, value.filename, await value.read()))
        else:
            form.texts.append((name, value))
    return form


def query_of(query: QueryParams) -> dict[str, Any]:
    """The query's parameters; one that is repeated must have one value."""
    values: dict[str, Any] = {}
    for name, value in query.multi_items():
        if values.setdefault(name, value) != value:
            raise ConflictingParameter(
                f"{name} is given as {values[name]!r} and as {value!r} in the query; give it once.",
                errors=[{"location": name}],
            )
    return values
