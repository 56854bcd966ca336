"""The four forms of input: raw body, multipart, JSON and .npy, understood as one submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brightfield import json_text
from brightfield.api.reading.forms import MOST_IMAGES, FormParts, file_name
from brightfield.api.reading.parameters import check_members, merge, query_of
from brightfield.api.reading.received import Received
from brightfield.api.reading.sources import FaultyImage, ImageById, ImageSource, SentImage
from brightfield.base64_text import decoded
from brightfield.errors import (
    BrightfieldError,
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    MalformedJson,
    TooManyImages,
    UnknownParameter,
    nearest,
)

# Of what a request about images says besides the images.
_MOST_BYTES = 16 * 10**6
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


def understand_submission(
    received: Received, attachments: Sequence[str] = (), most: int = MOST_IMAGES
) -> Submission:
    """Understand a request of any of the four forms; `attachments` names further images that may
    come.

    Raises `EmptyBody`, `MalformedJson`, an `Unprocessable` for what is well-formed but wrong, and
    `TooManyImages` for more than `most`, which are counted before they are looked at.
    """
    submission, places = _from_body(received, attachments, most)
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
    received: Received, attachments: Sequence[str], most: int
) -> tuple[Submission, ParameterPlaces]:
    if received.is_form:
        check_count(len(received.form.files), most)
        return _from_form(received.form, attachments)
    if received.is_json:
        return _from_json(received.body, attachments, most)
    disposition = received.headers.get("content-disposition")
    name = None if disposition is None else file_name(disposition.encode("latin-1"))
    return Submission([SentImage(received.body, name)] if received.body else []), []


def check_count(images: int, most: int) -> None:
    """Raises `TooManyImages`."""
    if images > most:
        raise TooManyImages(
            f"The request has {images} images; at most {most} are read. Send fewer at once."
        )


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
            submission.images.append(SentImage(file.content, file.filename or None))
        else:
            fault = _empty_file(file.filename)
            submission.images.append(FaultyImage(fault, file.filename or None))
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


def json_object(
    text: str | bytes, place: str, most_bytes: int = json_text.MOST_BYTES
) -> dict[str, Any]:
    """The JSON object of a `place`. Raises `MalformedJson`, `InvalidParameter`, `TooManyValues`."""
    try:
        value = json_text.parse_json(text, most_bytes=most_bytes)
    except ValueError as fault:
        raise MalformedJson(f"The {place} cannot be parsed as JSON: {fault}.") from None
    if not isinstance(value, dict):
        raise InvalidParameter(f"The {place} must be a JSON object.")
    check_members(value, place)
    return value


def _from_json(
    body: bytes, attachments: Sequence[str], most: int
) -> tuple[Submission, ParameterPlaces]:
    document = json_object(body, "body", _MOST_BYTES) if body else {}
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
    images, batch = json_images(document, most)
    attached = {name: json_image(document[name], name) for name in attachments if name in document}
    return Submission(images, {}, batch, attached), places


def json_images(document: Mapping[str, Any], most: int) -> tuple[list[ImageSource], bool]:
    """The images of a JSON document, and whether they are a batch.

    Raises `TooManyImages` before any is looked at, `ConflictingParameter`, `InvalidParameter`.
    """
    if "image" in document and "images" in document:
        raise ConflictingParameter("The JSON has both `image` and `images`; send one of them.")
    if "image" in document:
        return [json_image(document["image"], "image")], False
    entries = document.get("images", [])
    if not isinstance(entries, list):
        raise InvalidParameter("`images` must be a list.")
    check_count(len(entries), most)
    images: list[ImageSource] = []
    for index, entry in enumerate(entries):
        try:
            images.append(json_image(entry, f"images.{index}"))
        except BrightfieldError as fault:
            images.append(FaultyImage(fault))
    return images, "images" in document


def json_image(entry: Any, place: str) -> ImageSource:
    """One image of a JSON document. Raises `InvalidParameter`, `EmptyBody`."""
    if isinstance(entry, dict) and isinstance(entry.get("name", ""), str):
        name = entry.get("name") or None
        others = entry.keys() - {"name"}
        if others == {"id"} and isinstance(entry["id"], str):
            return ImageById(entry["id"], name)
        if others == {"data"} and isinstance(entry["data"], str):
            return SentImage(_decoded(entry["data"], place), name)
    raise InvalidParameter(
        f'{place} must be {{"data": "<base64>"}} or {{"id": "sha256:..."}}, each with or without '
        "the `name` of its file.",
        errors=[{"location": place}],
    )


def _decoded(text: str, place: str) -> bytes:
    try:
        data = decoded(text)
    except ValueError as fault:
        raise InvalidParameter(
            f"{place}.data is not base64: {fault}.", errors=[{"location": f"{place}.data"}]
        ) from None
    if not data:
        raise EmptyBody(f"{place}.data is empty.")
    return data
