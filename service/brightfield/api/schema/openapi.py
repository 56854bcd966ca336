"""The whole document: what FastAPI reads off the routes, the image endpoints, the components."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI

from brightfield.api.image_endpoints import ImageEndpoint
from brightfield.api.schema.described import complete
from brightfield.api.schema.faults import declare_faults, fault_components
from brightfield.api.schema.image_operations import ImageOperation
from brightfield.api.schema.parameters import query_parameter
from brightfield.api.schema.responses import FAULT, JSON
from brightfield.api.schema.security import secure, security_components
from brightfield.api.schema.shapes.shape import REFERENCE, Schema, shapes_with
from brightfield.api.writing.reports import OFFERED, PICTURES
from brightfield.images.filters import Filters
from brightfield.reports.plots import catalog
from brightfield.reports.tables import TABLES

__all__ = ["FAULT", "describe"]

_RUN = "/metrics/runs/{run_id}"


@cache
def _choices() -> Mapping[tuple[str, str], Sequence[str]]:
    """What there is to choose from, where FastAPI knows a text alone."""
    return {
        ("/models/{model_id}/filters", "format"): Filters.formats,
        (f"{_RUN}/report", "format"): (*OFFERED, "npz"),
        (f"{_RUN}/report", "plot"): sorted(catalog()),
        (f"{_RUN}/report", "table"): list(TABLES),
        (f"{_RUN}/plot/{{name}}", "format"): PICTURES,
        (f"{_RUN}/plot/{{name}}", "name"): sorted(catalog()),
    }


def describe(app: FastAPI, endpoints: Sequence[ImageEndpoint]) -> None:
    """Make the app's OpenAPI document whole; it is made when it is first asked for."""
    declared = app.openapi

    def document() -> Schema:
        if app.openapi_schema is None:
            document = declared()
            complete(document["paths"], app.routes)
            document = _whole(document, [ImageOperation(each) for each in endpoints])
            secure(document["paths"], app.routes)
            declare_faults(document["paths"])
            document["components"]["responses"] |= fault_components()
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _whole(document: Schema, images: Sequence[ImageOperation]) -> Schema:
    for each in images:
        operation = each.operation
        document["paths"][f"/{operation['operationId']}"] = {"post": operation}
    document["paths"] = dict(sorted(document["paths"].items()))
    _name_operations(document["paths"])
    _finish_parameters(document["paths"])
    _finish_job_results(document["paths"])
    known = dict(shapes_with([kind for each in images for kind in each.shapes]))
    for each in images:
        known |= each.components
    known |= document.get("components", {}).get("schemas", {})
    document["components"] = {"schemas": _used(document["paths"], known), **security_components()}
    return document


def _name_operations(paths: Schema) -> None:
    """Operations by the names of their functions; where two are the same, also by their tags."""
    named = [
        (operation["operationId"].removesuffix(_suffix(path, method)), operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    often = Counter(name for name, _ in named)
    for name, operation in named:
        more = f"_{operation['tags'][-1]}" if often[name] > 1 else ""
        operation["operationId"] = f"{name}{more}"


def _suffix(path: str, method: str) -> str:
    """What FastAPI adds to the name of a function."""
    return re.sub(r"\W", "_", f"{path}_{method}")


def _finish_parameters(paths: Schema) -> None:
    """Parameters that FastAPI described, in the form of all others."""
    for path, operations in paths.items():
        for operation in operations.values():
            operation["parameters"] = [
                _finished(path, each) for each in operation.get("parameters", [])
            ]


def _finished(path: str, parameter: Schema) -> Schema:
    choices = _choices().get((path, parameter["name"]))
    if choices is not None:
        parameter = {**parameter, "schema": {"type": "string", "enum": list(choices)}}
    if parameter["in"] != "query":
        return {**parameter, "schema": _untitled(parameter["schema"])}
    described = {**parameter["schema"], "description": parameter.get("description", "")}
    made = query_parameter(parameter["name"], described, required=parameter["required"])
    return {**parameter, **made}


def _untitled(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def _finish_job_results(paths: Schema) -> None:
    """A job's result is any reply that can be had as a job."""
    found: dict[str, dict[str, Schema]] = {}
    for operations in paths.values():
        for operation in operations.values():
            if "202" not in operation["responses"]:
                continue
            for status, response in operation["responses"].items():
                if status.startswith("2") and status != "202":
                    for media_type, content in response.get("content", {}).items():
                        _add(found.setdefault(status, {}), media_type, content["schema"])
    result = paths.get("/jobs/{job_id}/result", {}).get("get")
    for status, content in sorted(found.items()) if result else ():
        response = {"description": "The reply that would have been sent at once"}
        media = {media_type: {"schema": schema} for media_type, schema in content.items()}
        result["responses"][status] = {**response, "content": media}


def _add(content: dict[str, Schema], media_type: str, schema: Schema) -> None:
    if media_type != JSON:
        content[media_type] = schema
        return
    choices = content.setdefault(JSON, {"anyOf": []})["anyOf"]
    if schema not in choices:
        choices.append(schema)


def _used(paths: Schema, known: Mapping[str, Schema]) -> dict[str, Schema]:
    """The components that the paths refer to, and those that these refer to."""
    waiting, found = set(_references(paths)), {}
    while waiting:
        name = waiting.pop()
        found[name] = known[name]
        waiting |= set(_references(known[name])) - set(found)
    return dict(sorted(found.items()))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key == "$ref":
                yield each.removeprefix(REFERENCE)
            else:
                yield from _references(each)
