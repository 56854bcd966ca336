"""The description of requests about collections, made from the fields of their parameters."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from brightfield.api.schema.image_operations import form_of_images
from brightfield.api.schema.parameters import (
    belonging,
    body_object,
    fields,
    headers,
    query_parameters,
)
from brightfield.api.schema.responses import BINARY_BODY, JSON
from brightfield.api.schema.shapes.shape import Schema, reference
from brightfield.embedding.projections.projection import Projection
from brightfield.engine.view import View
from brightfield.images.selection import Selection

_IMAGE: Schema = reference("ImageReference")
_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
_VECTORS: Schema = {
    "description": 'Rows of numbers, or `{"shape", "dtype", "data"}` with base64 of them.',
    "anyOf": [
        {"type": "array", "items": _NUMBERS},
        {
            "type": "object",
            "required": ["shape", "dtype", "data"],
            "properties": {
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "dtype": {"type": "string", "enum": ["float16", "float32", "float64"]},
                "data": {"type": "string", "contentEncoding": "base64"},
            },
        },
    ],
}


def describe_options(*models: type[BaseModel], job: bool = False) -> Schema:
    """Options in the query or in a JSON body."""
    return _options(_fields(models), job=job)


def describe_query(model: type[BaseModel], *further: str) -> Schema:
    """Parameters in the query alone, and these `further` headers."""
    return {"parameters": [*query_parameters(_fields((model,))), *headers(*further)]}


def describe_items(intake: type[BaseModel]) -> Schema:
    """Images in the forms of the image endpoints, or vectors in JSON."""
    own = _fields((intake, View, Selection))
    members = {"images": {"type": "array", "items": _IMAGE}, "image": _IMAGE, "vectors": _VECTORS}
    return _with_images(own, members)


def describe_images(options: type[BaseModel]) -> Schema:
    """Images in the forms of the image endpoints, or none."""
    return _with_images(
        _fields((options, View, Selection)),
        {"images": {"type": "array", "items": _IMAGE}, "image": _IMAGE},
    )


def describe_question(*search: type[BaseModel]) -> Schema:
    """One image, vector or id."""
    own = _fields((*search, View, Selection))
    by_id = {"type": "string", "description": "Of an item, which is left out of its neighbours."}
    return _with_images({**own, "id": by_id}, {"image": _IMAGE, "vector": _NUMBERS})


def describe_projections(
    catalog: Mapping[str, type[Projection]], choice: type[BaseModel], default: str
) -> Schema:
    """The parameters of every projection, each with the methods that it belongs to."""
    own: dict[str, Schema] = {
        "method": {
            "type": "string",
            "enum": sorted(catalog),
            "default": default,
            "description": " ".join(
                f"`{name}`: {' '.join((each.__doc__ or '').split())}"
                for name, each in sorted(catalog.items())
            ),
        }
    }
    for name, projection in sorted(catalog.items()):
        for parameter, schema in fields(projection).items():
            if parameter in Projection.model_fields:
                own.setdefault(parameter, dict(schema))
            else:
                own[parameter] = belonging(schema, [name])
    return _options(own | _fields((choice,)), job=True)


def _options(own: Mapping[str, Schema], *, job: bool) -> Schema:
    body = body_object(own, "", "The options.")
    del body["title"]
    return {
        "parameters": [
            *query_parameters(own),
            *(headers("X-Request-Timeout", "Prefer") if job else ()),
        ],
        "requestBody": {"required": False, "content": {JSON: {"schema": body}}},
    }


def _with_images(own: Mapping[str, Schema], members: Mapping[str, Schema]) -> Schema:
    document = body_object({**members, **own}, "", "What is sent, and the options.")
    options = {"type": "object", "description": "The options, in an object of their own."}
    document["properties"]["parameters"] = options
    del document["title"]
    return {
        "parameters": [*query_parameters(own), *headers("X-Request-Timeout", "Prefer")],
        "requestBody": {
            "required": False,
            "content": {
                "application/octet-stream": {"schema": BINARY_BODY},
                "multipart/form-data": {"schema": form_of_images()},
                JSON: {"schema": document},
                "application/x-npy": {"schema": BINARY_BODY},
            },
        },
    }


def _fields(models: tuple[type[BaseModel], ...]) -> dict[str, Schema]:
    return {name: schema for model in models for name, schema in fields(model).items()}
