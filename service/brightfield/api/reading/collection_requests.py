"""What requests about collections bring: images, vectors, ids, metadata and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from brightfield.api.reading.forms import MOST_IMAGES
from brightfield.api.reading.inputs import (
    json_image,
    json_images,
    json_object,
    understand_submission,
)
from brightfield.api.reading.parameters import merge, query_of
from brightfield.api.reading.received import Received
from brightfield.api.reading.sources import ImageSource
from brightfield.base64_text import decoded
from brightfield.collections.adding import NewImage
from brightfield.errors import InvalidParameter, InvalidVectors
from brightfield.parameters import Ids, Parameters, parsed_json
from brightfield.store.images import ProjectImages

_DTYPES = ("float16", "float32", "float64")


def _objects(value: Any) -> Any:
    found = parsed_json(value) if isinstance(value, str) else value
    return [found] if isinstance(found, dict) else found


@dataclass(slots=True)
class CollectionRequest:
    """A request's images, the members of its JSON that are not parameters, and its parameters."""

    images: list[ImageSource] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


class NewItemFields(Parameters):
    """How images or vectors are named."""

    ids: Ids | None = None
    """An id for each, in their order, as a JSON list or with commas. Default: the SHA-256 of the
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


def understand_posted(received: Received, members: Sequence[str] = ()) -> CollectionRequest:
    """Understand JSON, or images by the other forms; in JSON, `members` are not parameters.

    Parameters may stand in the query, in `parameters` or beside the images. Raises as
    `understand_submission`, but a request may have no image.
    """
    body = received.body
    if body and received.is_json and not received.is_form:
        return _from_json(body, query_of(received.query), members)
    if not body and "image" not in received.query:
        return CollectionRequest(parameters=query_of(received.query))
    submission = understand_submission(received)
    return CollectionRequest(submission.images, {}, submission.parameters)


def _from_json(body: bytes, query: Mapping[str, Any], members: Sequence[str]) -> CollectionRequest:
    document = json_object(body, "body")
    own = {name: document.pop(name) for name in members if document.get(name) is not None}
    images, _ = json_images(document, MOST_IMAGES)
    inner = document.pop("parameters", None) or {}
    if not isinstance(inner, dict):
        raise InvalidParameter("`parameters` must be a JSON object.")
    beside = {name: v for name, v in document.items() if name not in ("image", "images", *members)}
    parameters = merge([("query", query), ("parameters", inner), ("body", beside)])
    parameters = {name: value for name, value in parameters.items() if value is not None}
    if "image" in parameters and not images:
        images.append(json_image({"id": str(parameters.pop("image"))}, "image"))
    return CollectionRequest(images, own, parameters)


def new_images(
    images: Sequence[ImageSource], fields: NewItemFields, store: ProjectImages
) -> list[NewImage]:
    """The images with their ids and metadata. Raises `InvalidParameter` for counts that differ."""
    ids, metadata = fields.ids_of(len(images)), fields.metadata_of(len(images))
    return [
        NewImage(partial(image.load, store), item_id, facts)
        for image, item_id, facts in zip(images, ids, metadata, strict=True)
    ]


async def image_of(posted: CollectionRequest, store: ProjectImages) -> bytes | None:
    """The one image of a question, or None."""
    if not posted.images:
        return None
    if len(posted.images) > 1:
        raise InvalidParameter("Ask with one image at a time.")
    return await posted.images[0].fetch(store)


def vectors_of(value: Any) -> tuple[Any, int]:
    """Vectors as JSON has them, and their number. Raises `InvalidVectors`, `InvalidParameter`."""
    vectors = array_of(value)
    try:
        return vectors, len(vectors)
    except TypeError:
        raise InvalidParameter("`vectors` is a list of rows of numbers.") from None


def array_of(value: Any) -> Any:
    """Vectors of JSON: rows of numbers, or `{"shape", "dtype", "data"}` with base64 of them."""
    if not isinstance(value, dict):
        return value
    try:
        shape, dtype = tuple(map(_natural, value["shape"])), str(value["dtype"])
        if dtype not in _DTYPES:
            raise InvalidVectors(f"The dtype of vectors is one of {', '.join(_DTYPES)}.")
        data = decoded(value["data"])
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise InvalidVectors(
            'Vectors are rows of numbers, or {"shape": [n, d], "dtype": "float32", "data": '
            '"<base64, little-endian, C order>"}, where n and d are whole numbers, and data has '
            "n * d values."
        ) from None


def _natural(size: Any) -> int:
    """A size as it stands: -1 isn't the rest, 1.5 isn't 1, and true isn't 1."""
    if type(size) is not int or not 0 <= size < 2**31:
        raise ValueError(size)
    return size


def _check_count(name: str, given: int, count: int) -> None:
    if given != count:
        raise InvalidParameter(
            f"There are {count} images or vectors and {given} {name}; send one for each.",
            errors=[{"location": name, "expected": count, "received": given}],
        )
