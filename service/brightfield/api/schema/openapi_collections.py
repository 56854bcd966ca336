"""The description of requests about collections, made from the fields of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from brightfield.api.schema.openapi import Schema, fields, query_parameter
from brightfield.embedding.projections.projection import Projection
from brightfield.engine.view import View
from brightfield.images.selection import Selection

_BINARY: Schema = {"type": "string", "format": "binary"}
_IMAGE: Schema = {
    "type": "object",
    "description": '`{"data": "<base64>"}` or `{"id": "sha256:..."}`.',
}
_VECTORS: Schema = {
    "description": 'Rows of numbers, or `{"shape", "dtype", "data"}` with base64 of them.'
}
_PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`respond-async` for a job: 202 with its address.",
}


def describe_options(*models: type[BaseModel], job: bool = False) -> Schema:
    """Options in the query or in a JSON body."""
    own = _fields(models)
    document = {"type": "object", "properties": own}
    return {
        "parameters": [*_query(own), *([_PREFER] if job else [])],
        "requestBody": {
            "required": False,
            "content": {"application/json": {"schema": document}},
        },
    }


def describe_query(model: type[BaseModel]) -> Schema:
    """Parameters in the query alone."""
    return {"parameters": _query(_fields((model,)))}


def describe_items(intake: type[BaseModel]) -> Schema:
    """Images in the forms of the image endpoints, or vectors in JSON."""
    own = _fields((intake, View, Selection))
    members = {
        "images": {"type": "array", "items": _IMAGE},
        "image": _IMAGE,
        "vectors": _VECTORS,
        **own,
    }
    return _with_images(own, members)


def describe_question(search: type[BaseModel]) -> Schema:
    """One image, vector or id."""
    own = _fields((search, View, Selection))
    vector = {"type": "array", "items": {"type": "number"}}
    by_id = {"type": "string", "description": "Of an item, which is left out of its neighbours."}
    return _with_images(
        {**own, "id": by_id}, {"image": _IMAGE, "vector": vector, "id": by_id, **own}
    )


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
                text = f"{schema.get('description', '')} (of {name})"
                own[parameter] = {**schema, "description": text}
    own |= _fields((choice,))
    return {
        "parameters": [*_query(own), _PREFER],
        "requestBody": {
            "required": False,
            "content": {"application/json": {"schema": {"type": "object", "properties": own}}},
        },
    }


def _with_images(own: Mapping[str, Schema], members: Mapping[str, Schema]) -> Schema:
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": _BINARY},
            "params": {"type": "string"},
        },
    }
    return {
        "parameters": [*_query(own), _PREFER],
        "requestBody": {
            "required": False,
            "content": {
                "application/octet-stream": {"schema": _BINARY},
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": {"type": "object", "properties": dict(members)}},
                "application/x-npy": {"schema": _BINARY},
            },
        },
    }


def _fields(models: tuple[type[BaseModel], ...]) -> dict[str, Schema]:
    return {name: schema for model in models for name, schema in fields(model).items()}


def _query(own: Mapping[str, Schema]) -> list[dict[str, Any]]:
    return [query_parameter(name, schema) for name, schema in own.items()]
