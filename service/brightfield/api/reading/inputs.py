"""The four forms of input: raw body, multipart, JSON and .npy, understood as one submission."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from brightfield.api.reading.parameters import merge, query_of
from brightfield.api.reading.received import FormParts, Received
from brightfield.api.reading.sources import FaultyImage, ImageById, ImageSource, SentImage
from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    MalformedJson,
    UnknownParameter,
    nearest,
)

_JSON_KEYS = ("model", "image", "images", "parameters")

ParameterPlaces = list[tuple[str, Mapping[str, Any]]]
"""Parameters by the place where they stand."""


@dataclass(slots=True)
class Submission:
    """What a request brought: images in the order sent, and parameters not yet typed.

    `batch` tells whether the reply has `items`: several files, or a JSON list even of one. An
    entry that could not be read is a `FaultyImage`, so that it does not fail its neighbours.
    `attachments` are further images by the names that the endpoint knows.
    """

    images: list[ImageSource] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    batch: bool = False
    attachments: dict[str, ImageSource] = field(default_factory=dict)


def understand_submission(received: Received, attachments: Sequence[str] = ()) -> Submission:
    """Understand a request of any of the four forms; `attachments` names further images that may
    come.

    Raises `EmptyBody`, `MalformedJson`, or an `Unprocessable` for what is well-formed but wrong.
    """
    submission, places = _from_body(received, attachments)
    submission.parameters = merge([("query", query_of(received.query)), *places])
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


def _from_body(
    received: Received, attachments: Sequence[str]
) -> tuple[Submission, ParameterPlaces]:
    body, media_type = received.body, received.media_type
    if media_type == "multipart/form-data":
        return _from_form(received.form, attachments)
    if media_type == "application/json" or media_type.endswith("+json") or looks_like_json(body):
        return _from_json(body, attachments)
    return Submission([SentImage(body)] if body else []), []


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
            submission.attachments[name] = ImageById(str(stored))
    wanted = submission.parameters.pop("image", None)
    if wanted is None:
        return
    if submission.images:
        raise ConflictingParameter(
            "An image came in the body and another is named by `image`; send one of them."
        )
    submission.images.append(ImageById(str(wanted)))


def _from_form(form: FormParts, attachments: Sequence[str]) -> tuple[Submission, ParameterPlaces]:
    submission = Submission()
    for file in form.files:
        if file.field != "file":
            _attach(submission, file.field, file.content, attachments)
        elif file.content:
            submission.images.append(SentImage(file.content))
        else:
            submission.images.append(FaultyImage(_empty_file(file.filename)))
    submission.batch = len(submission.images) > 1
    return submission, [
        ("params", json_object(text, "params")) if name == "params" else ("form", {name: text})
        for name, text in form.texts
    ]


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
    submission.attachments[name] = SentImage(content)


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


def _from_json(body: bytes, attachments: Sequence[str]) -> tuple[Submission, ParameterPlaces]:
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
    places: ParameterPlaces = [("parameters", parameters)]
    if document.get("model") is not None:
        places.append(("body", {"model": document["model"]}))
    images, batch = json_images(document)
    attached = {name: json_image(document[name], name) for name in attachments if name in document}
    return Submission(images, {}, batch, attached), places


def json_images(document: Mapping[str, Any]) -> tuple[list[ImageSource], bool]:
    """The images of a JSON document, and whether they are a batch."""
    if "image" in document and "images" in document:
        raise ConflictingParameter("The JSON has both `image` and `images`; send one of them.")
    if "image" in document:
        return [json_image(document["image"], "image")], False
    entries = document.get("images", [])
    if not isinstance(entries, list):
        raise InvalidParameter("`images` must be a list.")
    images: list[ImageSource] = []
    for index, entry in enumerate(entries):
        try:
            images.append(json_image(entry, f"images.{index}"))
        except BrightfieldError as fault:
            images.append(FaultyImage(fault))
    return images, "images" in document


def json_image(entry: Any, place: str) -> ImageSource:
    """One image of a JSON document. Raises `InvalidParameter`, `EmptyBody`."""
    if isinstance(entry, dict) and len(entry) == 1:
        if isinstance(entry.get("id"), str):
            return ImageById(entry["id"])
        if isinstance(entry.get("data"), str):
            return SentImage(_decoded(entry["data"], place))
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
