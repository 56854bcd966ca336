"""What a request of POST /metrics brings: which evaluation, its options and its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from brightfield.api.parameters import merge, parse
from brightfield.api.reports import CSV, JSON, ReportForm
from brightfield.errors import (
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    MalformedJson,
    UnknownFormat,
    UnknownParameter,
    nearest,
)
from brightfield.metrics.csv_columns import read_csv
from brightfield.metrics.evaluation import Evaluation
from brightfield.metrics.npz_columns import read_npz

NPZ = "application/x-npz"
DEFAULT_TASK = "classification"

_ZIP = b"PK\x03\x04"
# Options inside an option, as a query writes them: ci.level=0.9.
_NESTED = "ci"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request understood."""

    evaluation: Evaluation
    data: Mapping[str, Any]
    form: ReportForm


def understand(
    body: bytes,
    content_type: str,
    query: Mapping[str, str],
    catalog: Mapping[str, type[Evaluation]],
    max_bytes: int,
) -> Submitted:
    """Read a body of JSON, CSV or NPZ, with options in the query or beside the data in JSON.

    Raises `EmptyBody`, `MalformedJson`, `MalformedTable`, `UnknownFormat`, or an `Unprocessable`.
    """
    if not body:
        raise EmptyBody("The body is empty; send predictions as JSON, CSV or NPZ.")
    kind = _kind(body, content_type)
    if kind != JSON:
        columns = read_csv(body) if kind == CSV else read_npz(body, max_bytes)
        options = dict(query)
        chosen = _chosen(options, catalog)
        if not chosen.tables:
            raise UnknownFormat(f"{kind} holds classifications alone; send this task as JSON.")
        evaluation, form = _typed(chosen, options)
        return Submitted(evaluation, columns, form)
    document = _document(body)
    task = merge([("query", _only_task(query)), ("body", _only_task(document))])
    chosen = _chosen(task, catalog)
    own = {name: document[name] for name in chosen.members if name in document}
    others = {name: value for name, value in document.items() if name not in {*own, "task"}}
    _check_members(others, chosen)
    options = merge(
        [("query", {name: v for name, v in query.items() if name != "task"}), ("body", others)]
    )
    evaluation, form = _typed(chosen, options)
    return Submitted(evaluation, own, form)


def _kind(body: bytes, content_type: str) -> str:
    """The form of a body: by its type, else by its first bytes."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == CSV:
        return CSV
    if media_type == NPZ or body.startswith(_ZIP):
        return NPZ
    if media_type == JSON or media_type.endswith("+json") or body[:64].lstrip()[:1] == b"{":
        return JSON
    raise UnknownFormat(
        f"Predictions are read as {JSON}, {CSV} or {NPZ}, not as {media_type or 'unnamed bytes'}; "
        "name the type in Content-Type."
    )


def _document(body: bytes) -> dict[str, Any]:
    """The JSON; NaN, which JSON has not and Python writes all the same, is taken for missing."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        document = _lenient(body) if b"NaN" in body or b"Infinity" in body else None
        if document is None:
            raise MalformedJson(f"The body cannot be parsed as JSON: {fault}.") from None
    if not isinstance(document, dict):
        raise InvalidParameter("The body must be a JSON object.")
    return document


def _lenient(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _only_task(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": values["task"]} if values.get("task") is not None else {}


def _chosen(options: dict[str, Any], catalog: Mapping[str, type[Evaluation]]) -> type[Evaluation]:
    """The evaluation that `task` names, which is taken out of the options."""
    task = str(options.pop("task", DEFAULT_TASK))
    if task not in catalog:
        known = sorted(catalog)
        raise InvalidParameter(
            f"There is no task {task!r} at /metrics.{nearest(task, known)} "
            f"Known: {', '.join(known)}.",
            errors=[{"location": "task", "expected": known, "received": task}],
        )
    return catalog[task]


def _check_members(others: Mapping[str, Any], chosen: type[Evaluation]) -> None:
    known = ["task", *chosen.members, *chosen.model_fields, *ReportForm.model_fields]
    for name in others:
        if name.partition(".")[0] not in known:
            raise UnknownParameter(
                f"The JSON has {name!r}.{nearest(name, known)} Known: {', '.join(known)}.",
                errors=[{"location": name}],
            )


def _typed(chosen: type[Evaluation], options: Mapping[str, Any]) -> tuple[Evaluation, ReportForm]:
    """The options, and the form of the reply; null stands for an option's default."""
    plain = {name: value for name, value in options.items() if value is not None}
    inner = {
        name.removeprefix(f"{_NESTED}."): plain.pop(name)
        for name in list(plain)
        if name.startswith(f"{_NESTED}.")
    }
    if inner and not isinstance(plain.get(_NESTED, {}), dict):
        raise ConflictingParameter(
            "`ci` came as a whole and in parts; send it in one way.", errors=[{"location": "ci"}]
        )
    if inner:
        plain[_NESTED] = merge([("body", plain.get(_NESTED, {})), ("query", inner)])
    evaluation, form = parse((chosen, ReportForm), plain)
    assert isinstance(evaluation, Evaluation) and isinstance(form, ReportForm)
    return evaluation, form
