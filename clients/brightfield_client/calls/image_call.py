"""Calls that carry images: one raw body, a multipart form for a batch, JSON with stored images."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2

from brightfield_client.calls.call import Call, Part, query, query_text, read_json
from brightfield_client.calls.reading import binary, media_type
from brightfield_client.errors import UnexpectedReply
from brightfield_client.images import Payload, is_batch, to_payload
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.result import Result
from brightfield_client.results.value import Json

R = TypeVar("R", bound=Result)


def image_call(
    path: str,
    parse: Callable[[Json], R],
    image: Any,
    parameters: Mapping[str, Any],
    attachments: Mapping[str, Payload] | None = None,
) -> Call[R | Batch[R] | Binary]:
    """The call of an image endpoint; `parse` reads one envelope.

    A list or tuple of images is a batch, and so is one that holds a single image. `attachments`
    are further images by the endpoint's names for them; they belong to a single image. Raises
    `OSError` for a file that cannot be read, `TypeError` for what isn't an image.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    timeout, in_bytes = given.pop("timeout", None), given.get("format", "json") != "json"
    read = binary if in_bytes else partial(_read, parse)
    call: Call[Any] = Call("POST", path, read, timeout=timeout)
    if not is_batch(image):
        return _single(call, to_payload(image), given, attachments or {})
    if attachments:
        name = next(iter(attachments))
        raise ValueError(f"{name}= belongs to a single image; send the images one by one.")
    if not image:
        raise ValueError("The batch is empty; pass at least one image.")
    payloads = [to_payload(each) for each in image]
    call = replace(call, single=lambda index: _single(call, payloads[index], given, {}))
    given = _with_axes(payloads, given)
    # A form with a single file would be answered as a single image, and ids fit in no form.
    if len(payloads) == 1 or any(payload.stored for payload in payloads):
        own = {name: _plain(value) for name, value in given.items() if name != "model"}
        body = {"images": [as_json(payload) for payload in payloads], "parameters": own}
        model = {"model": given["model"]} if "model" in given else {}
        return call.with_json({**body, **model})
    parts = tuple(_part("file", payload) for payload in payloads)
    return replace(call, params=query(given), files=parts)


def as_json(payload: Payload) -> dict[str, str]:
    """An image inside JSON."""
    name = {"name": payload.name} if payload.name else {}
    if payload.stored:
        return {"id": payload.stored, **name}
    return {"data": base64.b64encode(payload.content).decode("ascii"), **name}


def _single(
    call: Call[Any], payload: Payload, given: dict[str, Any], attachments: Mapping[str, Payload]
) -> Call[Any]:
    params = query(_with_axes([payload, *attachments.values()], given))
    images = {"image": payload, **attachments}
    params |= {name: each.stored for name, each in images.items() if each.stored}
    if any(not attached.stored for attached in attachments.values()):
        parts = ((name, each) for name, each in images.items() if not each.stored)
        files = tuple(_part("file" if name == "image" else name, each) for name, each in parts)
        return replace(call, params=params, files=files)
    if payload.stored:
        return replace(call, params=params)
    headers = {**call.headers, "Content-Type": payload.media_type}
    if payload.name:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(payload.name)}"
    return replace(call, params=params, headers=headers, content=payload.content)


def _part(name: str, payload: Payload) -> Part:
    named = payload.name or (name if name != "file" else None)
    return name, (named, payload.content, payload.media_type)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else query_text(value)


def _with_axes(payloads: list[Payload], given: dict[str, Any]) -> dict[str, Any]:
    """The axes of tensors as the parameter `axes`, unless the caller names them."""
    axes = {payload.axes for payload in payloads}
    if "axes" in given or axes == {None}:
        return given
    if len(axes) > 1:
        raise ValueError(
            "Images of different axes do not fit in one request; send them apart, or pass all of "
            "them as tensors or none."
        )
    return {**given, "axes": axes.pop()}


def _read(parse: Callable[[Json], R], response: httpx2.Response) -> R | Batch[R] | Binary:
    kind = media_type(response)
    if kind != "application/json" and not kind.startswith("text/"):
        return binary(response)
    body = read_json(response)
    if not isinstance(body, dict):
        raise UnexpectedReply("The reply isn't an envelope.")
    if "items" in body:
        return Batch.of(body, parse)
    return parse(body)
