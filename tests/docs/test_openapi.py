"""docs/openapi.json is what the service says today, and has the form of OpenAPI 3.1."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from .pages import ROOT

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}
REQUIRED = {("/metrics/compare", "a"), ("/metrics/compare", "b")}
"""Parameters of a query that cannot be left out."""
OPERATIONS = [
    pytest.param(path, operation, id=f"{method} {path}")
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


def test_the_file_is_up_to_date() -> None:
    path = ROOT / "docs" / "openapi.py"
    spec = importlib.util.spec_from_file_location("docs_openapi", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert written == script.text(), "run: python docs/openapi.py"


def test_the_outermost_members() -> None:
    assert re.fullmatch(r"3\.1\.\d+", DOCUMENT["openapi"])
    assert set(DOCUMENT) <= {
        "openapi",
        "info",
        "servers",
        "paths",
        "components",
        "security",
        "tags",
    }
    assert {"title", "version"} <= set(DOCUMENT["info"])
    assert all(path.startswith("/") for path in DOCUMENT["paths"])
    assert all(set(item) <= METHODS for item in DOCUMENT["paths"].values())


def test_operation_ids_are_unique() -> None:
    ids = [operation.values[1]["operationId"] for operation in OPERATIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_parameter_has_a_schema_and_a_description(
    path: str, operation: dict[str, Any]
) -> None:
    parameters = operation.get("parameters", [])
    names = [(parameter["in"], parameter["name"]) for parameter in parameters]
    assert len(names) == len(set(names))
    in_path = {name for place, name in names if place == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", path))
    for parameter in parameters:
        assert parameter["in"] in ("path", "query", "header", "cookie"), parameter
        assert parameter["description"], parameter
        assert isinstance(parameter["schema"], dict) and parameter["schema"], parameter
        required = parameter["in"] == "path" or (path, parameter["name"]) in REQUIRED
        assert parameter.get("required", False) == required, parameter
        _check_typed(parameter["schema"])


def _check_typed(schema: dict[str, Any]) -> None:
    """It says enough for a parameter of a typed client: a type, its choices, and a hint where a
    text stands for something else."""
    for choice in schema.get("anyOf", [schema]):
        assert choice["type"] in ("string", "integer", "number", "boolean"), schema
    several = any("," in example for example in schema.get("examples", ()))
    if "contentMediaType" in schema or several:
        assert schema.get("x-python-type") or schema.get("default") == "auto", schema


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_operation_says_what_it_answers(path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"] and operation["tags"]
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"[1-5]\d\d", status)
        said = _followed(response)
        assert said["description"]
        assert all("/" in media_type for media_type in said.get("content", {}))
        if status[0] in "45":
            problem = said["content"]["application/problem+json"]
            assert {"code", "detail", "retryable"} <= set(_followed(problem["schema"])["required"])
    assert {"400", "403", "405", "408", "431", "500", "503"} <= set(operation["responses"])


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_json_reply_has_a_shape(path: str, operation: dict[str, Any]) -> None:
    replies = [
        content["schema"]
        for status, response in operation["responses"].items()
        for media_type, content in response.get("content", {}).items()
        if status.startswith("2") and media_type == "application/json"
    ]
    for reply in replies:
        for schema in reply.get("anyOf", [reply]):
            assert "$ref" in schema, (path, reply)
            for shape in _alternatives(_followed(schema)):
                member = _followed(shape["items"]) if shape["type"] == "array" else shape
                assert member["type"] == "object" and member["properties"], (path, shape)


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_component_says_what_it_is(name: str) -> None:
    component = DOCUMENT["components"]["schemas"][name]
    assert component["title"] == name
    assert component["description"]


def _followed(schema: dict[str, Any]) -> dict[str, Any]:
    return _resolve(schema["$ref"]) if "$ref" in schema else schema


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [_followed(choice) for choice in schema["anyOf"]] if "anyOf" in schema else [schema]


def test_every_schema_is_well_formed() -> None:
    components = DOCUMENT["components"]["schemas"].values()
    found = [*_schemas(DOCUMENT["paths"]), *(s for each in components for s in _with_parts(each))]
    assert len(found) > 1000
    for schema in found:
        _check(schema)


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for part in node:
            yield from _schemas(part)
    elif isinstance(node, dict):
        for key, part in node.items():
            if key == "schema":
                yield from _with_parts(part)
            else:
                yield from _schemas(part)


def _with_parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    parts = [*schema.get("properties", {}).values()]
    parts += [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, [])]
    parts += [schema["items"]] if "items" in schema else []
    for part in parts:
        yield from _with_parts(part)


def _check(schema: dict[str, Any]) -> None:
    kinds = schema.get("type", [])
    assert set([kinds] if isinstance(kinds, str) else kinds) <= TYPES, schema
    if "pattern" in schema:
        pattern = re.compile(schema["pattern"])
        assert all(pattern.search(example) for example in schema.get("examples", [])), schema
    if "enum" in schema:
        assert schema["enum"] and schema.get("default", schema["enum"][0]) in schema["enum"], schema
    for key in ("anyOf", "oneOf", "allOf"):
        assert schema.get(key, [{}]), schema
    if "$ref" in schema:
        _resolve(schema["$ref"])


def _resolve(reference: str) -> dict[str, Any]:
    node: dict[str, Any] = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node
