"""The description of POST /metrics, made from the options of the evaluations."""

from __future__ import annotations

from collections.abc import Mapping

from brightfield.api.reading.evaluations import DEFAULT_TASK
from brightfield.api.schema.parameters import (
    OWNERS,
    body_member,
    body_object,
    fields,
    headers,
    query_parameter,
    query_parameters,
)
from brightfield.api.schema.responses import BINARY_BODY
from brightfield.api.schema.shapes.shape import Schema, reference
from brightfield.api.writing.reports import CSV, JSON, NPZ, ComparisonForm, describe_forms
from brightfield.metrics.evaluation import Evaluation
from brightfield.metrics.statistics.confidence import Confidence

_PREDICTIONS: Mapping[str, str] = {
    "truth": "Labels or class numbers, one for each row.",
    "scores": "A score of the positive class for each row, or a score for each class.",
    "predictions": "Predicted labels or class numbers, in place of scores.",
    "ids": "Names of the rows.",
    "columns": "Further columns by name, for `by`: a value for each row, pair or image.",
    "groups": "What belongs together (patients, slides): one for each row, pair or image.",
    "ground_truth": "A COCO data set: images, annotations, categories.",
    "detections": "COCO results: image_id, category_id, bbox or segmentation, score.",
}
_PAIRS: Mapping[str, str] = {
    "segmentation": "`{id, group, truth, prediction}`: masks as {png}, {npy}, {rle} or {array}.",
    "restoration": "`{id, group, reference, image}`: images as {data}, {npy} or {array}.",
}
_OBJECTS = frozenset({"ground_truth", "columns"})
_NAME = "A name of one's own: posting it again gives the same run."


def describe_evaluations(catalog: Mapping[str, type[Evaluation]]) -> Schema:
    """What `openapi_extra` adds to the operation."""
    options = query_parameters({**_all_options(catalog), **_intervals()})
    parameters = [*options, *describe_forms(), *headers("X-Request-Timeout", "Prefer")]
    return {"parameters": parameters, "requestBody": _body(catalog)}


def describe_run_options(catalog: Mapping[str, type[Evaluation]]) -> Schema:
    """What `openapi_extra` adds to the operation that starts a run."""
    name: Schema = {"type": "string", "maxLength": 200, "description": _NAME}
    options = {"name": name, **_all_options(catalog)}
    body = body_object(options, "RunOptions", "What is evaluated, and how.")
    body["properties"]["ci"] = reference(Confidence.__name__)
    return {
        "parameters": query_parameters({**options, **_intervals()}),
        "requestBody": {"content": {JSON: {"schema": body}}},
    }


def describe_chunks(catalog: Mapping[str, type[Evaluation]]) -> Schema:
    """What `openapi_extra` adds to the operation that adds a chunk."""
    body = _body(catalog, with_options=False)
    return {"parameters": headers("X-Request-Timeout"), "requestBody": body}


def describe_comparison() -> Schema:
    """What `openapi_extra` adds to the operation that compares two runs."""
    runs = [
        query_parameter(
            name, {"type": "string", "description": f"The `id` of run {name}."}, required=True
        )
        for name in ("a", "b")
    ]
    options = query_parameters({**_intervals(), **fields(ComparisonForm)})
    return {"parameters": [*runs, *options, *headers("X-Request-Timeout")]}


def _intervals() -> dict[str, Schema]:
    """The options of intervals by their full names."""
    return {f"ci.{name}": schema for name, schema in fields(Confidence).items()}


def _options(evaluation: type[Evaluation]) -> dict[str, Schema]:
    """The JSON schema of each option but `ci`."""
    schema = evaluation.model_json_schema()["properties"]
    return {name: value for name, value in schema.items() if name != "ci"}


def _all_options(catalog: Mapping[str, type[Evaluation]]) -> dict[str, Schema]:
    """The options of all evaluations but `ci`, each with those that it belongs to."""
    found: dict[str, Schema] = {}
    texts: dict[str, dict[str, list[str]]] = {}
    for task, evaluation in sorted(catalog.items()):
        for name, schema in _options(evaluation).items():
            found.setdefault(name, dict(schema))
            texts.setdefault(name, {}).setdefault(schema["description"], []).append(task)
    for name, users in texts.items():
        owners = sorted(task for tasks in users.values() for task in tasks)
        if users != {found[name]["description"]: sorted(catalog)}:
            parts = (f"{text} (of {', '.join(tasks)})" for text, tasks in users.items())
            found[name]["description"] = " ".join(parts)
        if owners != sorted(catalog):
            found[name][OWNERS] = owners
    task_schema = {
        "type": "string",
        "enum": sorted(catalog),
        "default": DEFAULT_TASK,
        "description": "What is evaluated.",
    }
    return {"task": task_schema, **found}


def _body(catalog: Mapping[str, type[Evaluation]], *, with_options: bool = True) -> Schema:
    documents = [
        _document(task, evaluation, with_options=with_options)
        for task, evaluation in sorted(catalog.items())
    ]
    content: Schema = {JSON: {"schema": {"anyOf": documents}}}
    if any(evaluation.tables for evaluation in catalog.values()):
        columns = "Columns truth, score or score:<label>, prediction, group, id, those of `by`."
        content[CSV] = {"schema": {**BINARY_BODY, "description": columns}}
        archive = "Arrays of the names that CSV has for its columns."
        content[NPZ] = {"schema": {**BINARY_BODY, "description": archive}}
    return {"required": True, "content": content}


def _document(
    task: str,
    evaluation: type[Evaluation],
    *,
    with_options: bool = True,
) -> Schema:
    members: dict[str, Schema] = {}
    if with_options:
        members["task"] = {"type": "string", "enum": [task]}
    for name in evaluation.members:
        text = _PAIRS[task] if name == "pairs" else _PREDICTIONS[name]
        kind: Schema = {"type": "object"} if name in _OBJECTS else {"type": "array", "items": {}}
        members[name] = {**kind, "description": text}
    if with_options:
        options = {name: body_member(value) for name, value in _options(evaluation).items()}
        members |= {**options, "ci": reference(Confidence.__name__)}
    return {"type": "object", "properties": members}
