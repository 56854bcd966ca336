"""The parameters of requests, described from the fields of their models.

A field that a query writes as text and JSON also as a list has both schemas (`parameters.written`);
here each place takes its own. `x-python-type` is the type that a client in Python offers for a
parameter whose schema alone does not say it, and `x-belongs-to` names the methods (or tasks of
POST /metrics) that a parameter belongs to where others do not have it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from brightfield.api.schema.shapes.shape import Schema, on_one_line

PYTHON_TYPE, OWNERS = "x-python-type", "x-belongs-to"

_JSON_TEXT = {"type": "string", "contentMediaType": "application/json"}
_NULL = {"type": "null"}
_HEADERS: Mapping[str, Schema] = {
    "X-Request-Timeout": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Seconds after which the answer is of no use: 504.",
    },
    "X-Request-ID": {
        "type": "string",
        "description": "An id of the caller's, which the reply and the log carry.",
    },
    "Prefer": {
        "type": "string",
        "examples": ["respond-async"],
        "description": "`respond-async` for a job: 202 with its address.",
    },
    "Last-Event-ID": {
        "type": "integer",
        "minimum": 0,
        "default": 0,
        "description": "The number of the last event that was read; the next one follows.",
    },
}


def fields(model: type[BaseModel]) -> Mapping[str, Schema]:
    """The JSON schema of each field of a parameter model, self-contained."""
    schema = model.model_json_schema()
    if "$defs" in schema:
        raise TypeError(f"the parameters of {model.__name__} must not need $defs")
    properties: Mapping[str, Schema] = schema["properties"]
    return properties


def query_parameter(name: str, schema: Schema, *, required: bool = False) -> Schema:
    """A field as a parameter of the query."""
    owners = schema.get(OWNERS)
    written = _as_text(_present(schema))
    written.pop(OWNERS, None)
    description = written.pop("description", "")
    parameter = {
        "name": name,
        "in": "query",
        "required": required,
        "schema": written,
        "description": " ".join(description.split()),
    }
    return parameter if owners is None else {**parameter, OWNERS: owners}


def query_parameters(own: Mapping[str, Schema]) -> list[Schema]:
    """Fields as parameters of the query."""
    return [query_parameter(name, schema) for name, schema in own.items()]


def headers(*names: str) -> list[Schema]:
    """Headers of a request as parameters."""
    return [_header(name, _HEADERS[name]) for name in names]


def body_object(own: Mapping[str, Schema], title: str, description: str) -> Schema:
    """Fields as an object of a JSON body, which has no others."""
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": {name: body_member(schema) for name, schema in own.items()},
        "additionalProperties": False,
    }


def body_member(schema: Schema) -> Schema:
    """A field as a member of a JSON body."""
    member: Schema = on_one_line(_present(schema))
    return {key: value for key, value in member.items() if key not in (PYTHON_TYPE, OWNERS)}


def belonging(schema: Schema, owners: list[str]) -> Schema:
    """A parameter that only these of several methods have."""
    text = f"{schema.get('description', '')} (of {', '.join(owners)})"
    return {**schema, "description": text, OWNERS: owners}


def joined(schemas: Mapping[str, Schema]) -> Schema:
    """The parameter that several methods have under one name, by method: that of the first; where
    they choose from words of their own, one of all these words, without a default."""
    kinds: dict[str, list[str]] = {}
    for method, schema in schemas.items():
        kinds.setdefault(json.dumps(_kind(schema), sort_keys=True), []).append(method)
    first = dict(next(iter(schemas.values())))
    if len(kinds) == 1 or not all("enum" in schema for schema in schemas.values()):
        return first
    words = dict.fromkeys(word for schema in schemas.values() for word in schema["enum"])
    told = [
        f"Of {' and '.join(methods)} (default: `{schemas[methods[0]].get('default')}`): "
        f"{schemas[methods[0]].get('description', '')}"
        for methods in kinds.values()
    ]
    return {"type": "string", "enum": list(words), "description": " ".join(told)}


def _kind(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("description", "title")}


def _header(name: str, schema: Schema) -> Schema:
    plain = {key: value for key, value in schema.items() if key != "description"}
    description = schema["description"]
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": plain,
        "description": description,
    }


def _present(schema: Schema) -> Schema:
    """Without the null that stands for leaving a parameter out, and without a title."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != _NULL]
    if len(choices) == 1:
        plain = {**choices[0], **plain}
    elif choices:
        plain["anyOf"] = choices
    default = plain.pop("default", None)
    if isinstance(default, list | tuple):
        plain["default"] = ",".join(map(_plain, default))  # as a text means the same everywhere
    elif default is not None:
        plain["default"] = default
    return plain


def _as_text(schema: Schema) -> Schema:
    """As a query writes it: lists with commas, objects as JSON."""
    if PYTHON_TYPE in schema and "anyOf" in schema:
        (text,) = [choice for choice in schema["anyOf"] if choice.get("type") == "string"]
        schema = {**text, **{key: value for key, value in schema.items() if key != "anyOf"}}
    elif schema.get("type") in ("object", "array"):
        kept = {key: value for key, value in schema.items() if key in ("description", OWNERS)}
        kind = "Mapping[str, Any]"
        if schema["type"] == "array":
            kind = f"{kind} | Sequence[{kind}]"
        content = {key: value for key, value in schema.items() if key not in {*kept, "default"}}
        return {**_JSON_TEXT, "contentSchema": content, PYTHON_TYPE: kind, **kept}
    return dict(schema)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
