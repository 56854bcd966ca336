"""The description of the image endpoints, made from the fields of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.problems import MEDIA_TYPE
from brightfield.api.writing.formats import BINARY, Reply
from brightfield.engine import View
from brightfield.images.selection import Selection

Schema = dict[str, Any]

_BINARY: Schema = {"type": "string", "format": "binary"}
_IMAGE: Schema = {
    "oneOf": [
        {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": "string", "contentEncoding": "base64"}},
        },
        {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}},
        },
    ]
}
_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "retryable": {"type": "boolean"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}

FAULT: Schema = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
"""What every endpoint answers when something is wrong."""


def describe(app: FastAPI, endpoints: Sequence[ImageEndpoint]) -> None:
    """Make the app's OpenAPI document name the image endpoints, which are plain ASGI routes."""
    declared = app.openapi

    def document() -> Schema:
        if app.openapi_schema is None:
            schema = declared()
            for endpoint in endpoints:
                schema["paths"][endpoint.path] = {"post": _operation(endpoint)}
            schema["paths"] = dict(sorted(schema["paths"].items()))
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _operation(endpoint: ImageEndpoint) -> Schema:
    return {
        "operationId": endpoint.name,
        "tags": ["images"],
        "summary": _summary(endpoint),
        "description": _description(endpoint),
        "parameters": [*_parameters(endpoint), *_headers()],
        "requestBody": _request_body(endpoint),
        "responses": _responses(endpoint),
    }


def _summary(endpoint: ImageEndpoint) -> str:
    if endpoint.chooser is not None:
        return f"Why the model answers as it does: {', '.join(sorted(endpoint.choices))}."
    (task,) = endpoint.choices.values()
    return (task.__doc__ or "").partition("\n")[0]


def _description(endpoint: ImageEndpoint) -> str:
    if endpoint.chooser is None:
        return ""
    lines = (
        f"- `{name}`: {' '.join((method.__doc__ or '').split())}"
        for name, method in sorted(endpoint.choices.items())
    )
    return "\n".join(lines)


def fields(model: type[BaseModel]) -> Mapping[str, Schema]:
    """The JSON schema of each field of a parameter model, self-contained."""
    schema = model.model_json_schema()
    if "$defs" in schema:
        raise TypeError(f"the parameters of {model.__name__} must not need $defs")
    properties: Mapping[str, Schema] = schema["properties"]
    return properties


def _parameters(endpoint: ImageEndpoint) -> list[Schema]:
    own: dict[str, Schema] = {}
    users: dict[str, list[str]] = {}
    for choice, model in sorted(endpoint.choices.items()):
        for name, schema in fields(model).items():
            own.setdefault(name, dict(schema))
            users.setdefault(name, []).append(choice)
    if endpoint.chooser is not None:
        own = {endpoint.chooser: _method(endpoint), **own}
    for name, choices in users.items():
        if len(choices) < len(endpoint.choices):
            own[name]["description"] = (
                f"{own[name].get('description', '')} (of {', '.join(choices)})"
            )
    shared = {**fields(View), **fields(Selection), **fields(Reply)}
    shared["format"] = {**shared["format"], "enum": _formats(endpoint)}
    own["image"] = {"type": "string", "description": "Id of a stored image, in place of a body."}
    for name in endpoint.attachments:
        text = f"Id of a stored image, in place of a further file `{name}` in a form."
        own[name] = {"type": "string", "description": text}
    return [query_parameter(name, schema) for name, schema in {**own, **shared}.items()]


def _method(endpoint: ImageEndpoint) -> Schema:
    return {
        "description": "What explains; some parameters belong to one method alone.",
        "type": "string",
        "enum": sorted(endpoint.choices),
        "default": endpoint.default,
    }


def _formats(endpoint: ImageEndpoint) -> list[str]:
    names: dict[str, None] = {}
    for model in endpoint.choices.values():
        names.update(dict.fromkeys(model.every_format()))
    return list(names)


def query_parameter(name: str, schema: Schema) -> Schema:
    """A field as a parameter of the query."""
    schema = _as_written(schema)
    description = schema.pop("description", "")
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def _as_written(schema: Schema) -> Schema:
    """A field's schema as a query writes it: no null (it is left out), lists with commas."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    present = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(present) == 1:
        plain = {**present[0], **plain}
    elif present:
        plain["anyOf"] = present
    default = plain.pop("default", None)
    if default is not None:
        plain["default"] = ",".join(map(_plain, default)) if isinstance(default, list) else default
    return plain


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _headers() -> list[Schema]:
    texts = {
        "X-Request-Timeout": "Seconds after which the answer is of no use: 504.",
        "X-Request-ID": "An id of the caller's, which the reply and the log carry.",
        "Prefer": "`respond-async` for a job: 202 with its address.",
    }
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": text,
        }
        for name, text in texts.items()
    ]


def _request_body(endpoint: ImageEndpoint) -> Schema:
    images = ("image", *endpoint.attachments)
    parameters = {p["name"]: p["schema"] for p in _parameters(endpoint) if p["name"] not in images}
    document = {
        "type": "object",
        "properties": {
            "model": {"type": "string"},
            **dict.fromkeys(images, _IMAGE),
            "images": {"type": "array", "items": _IMAGE},
            "parameters": {"type": "object", "properties": parameters},
        },
    }
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "array", "items": _BINARY},
            **dict.fromkeys(endpoint.attachments, _BINARY),
            "params": {"type": "string"},
        },
    }
    return {
        "required": False,
        "content": {
            "application/octet-stream": {"schema": _BINARY},
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": document},
            "application/x-npy": {"schema": _BINARY},
        },
    }


def _responses(endpoint: ImageEndpoint) -> Schema:
    content: Schema = {"application/json": {"schema": {"type": "object"}}}
    for name in _formats(endpoint):
        if name in BINARY:
            content[BINARY[name].media_type] = {"schema": _BINARY}
    return {
        "200": {"description": "The answer, or `items` for a batch", "content": content},
        "202": {"description": "A job, at Location"},
        "207": {"description": "A batch of which some images failed"},
        "default": FAULT,
    }
