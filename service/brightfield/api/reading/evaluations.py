"""What a request about predictions brings: which evaluation, its options and its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brightfield.api.reading.parameters import check_members, member_of, merge, parse, query_of
from brightfield.api.reading.received import Received
from brightfield.api.writing.reports import CSV, JSON, NPZ, ReportForm
from brightfield.errors import (
    ConflictingParameter,
    EmptyBody,
    InvalidParameter,
    MalformedJson,
    UnknownFormat,
    UnknownParameter,
    nearest,
    suggestions,
)
from brightfield.json_text import parse_json
from brightfield.metrics.evaluation import Evaluation
from brightfield.metrics.reading.csv_columns import read_csv
from brightfield.metrics.reading.npz_columns import read_npz

DEFAULT_TASK = "classification"

_ZIP = b"PK\x03\x04"
# Options inside an option, as a query writes them: ci.level=0.9.
_NESTED = "ci"

Catalog = Mapping[str, type[Evaluation]]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request understood."""

    evaluation: Evaluation
    data: Mapping[str, Any]
    form: ReportForm


def understand_predictions(received: Received, catalog: Catalog, max_bytes: int) -> Submitted:
    """A body of JSON, CSV or NPZ, with options in the query or beside the data in JSON.

    Raises `EmptyBody`, `MalformedJson`, `MalformedTable`, `UnknownFormat`, or an `Unprocessable`.
    """
    query, kind = query_of(received.query), _kind(received)
    if kind != JSON:
        chosen, options = choose(query, {}, catalog)
        evaluation, form = _with_form(chosen, options)
        return Submitted(evaluation, _columns(received.body, kind, chosen, max_bytes), form)
    document = read_object(received.body)
    task = merge([("query", _only_task(query)), ("body", _only_task(document))])
    members = _named(task, catalog).members
    data = {name: document[name] for name in members if name in document}
    others = {name: value for name, value in document.items() if name not in data}
    chosen, options = choose(query, others, catalog, beside=tuple(ReportForm.model_fields))
    evaluation, form = _with_form(chosen, options)
    return Submitted(evaluation, data, form)


def understand_chunk(
    received: Received, evaluation: Evaluation, max_bytes: int
) -> Mapping[str, Any]:
    """A body that has data alone, since the options are those of its run.

    Raises as `understand_predictions` does, and `UnknownParameter` for an option.
    """
    chosen, kind = type(evaluation), _kind(received)
    _check_data(query_of(received.query), chosen, known=())
    if kind != JSON:
        return _columns(received.body, kind, chosen, max_bytes)
    document = read_object(received.body)
    _check_data(document, chosen, known=chosen.members)
    return document


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON; NaN, which JSON does not have and Python writes anyway, means missing."""
    try:
        document = parse_json(body, nan=True)
    except ValueError as fault:
        raise MalformedJson(f"The body cannot be parsed as JSON: {fault}.") from None
    if not isinstance(document, dict):
        raise InvalidParameter("The body must be a JSON object.")
    check_members(document, "body")
    return document


def choose(
    query: Mapping[str, Any],
    document: Mapping[str, Any],
    catalog: Catalog,
    beside: Sequence[str] = (),
) -> tuple[type[Evaluation], dict[str, Any]]:
    """The evaluation that `task` names, and the options of query and JSON beside it; `beside` are
    options of something else."""
    task = merge([("query", _only_task(query)), ("body", _only_task(document))])
    chosen = _named(task, catalog)
    sources = [
        (place, {name: value for name, value in given.items() if name != "task"})
        for place, given in (("query", query), ("body", document))
    ]
    _check_members(sources[1][1], chosen, beside)
    return chosen, merge(sources)


def typed(chosen: type[Evaluation], options: Mapping[str, Any]) -> Evaluation:
    """The options; null stands for an option's default."""
    return parse((chosen,), _gathered(options))[0]


def _with_form(
    chosen: type[Evaluation], options: Mapping[str, Any]
) -> tuple[Evaluation, ReportForm]:
    """The options, and the form of the reply."""
    return parse((chosen, ReportForm), _gathered(options))


def _gathered(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls, and with the parts of `ci` in one object."""
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
    return plain


def _kind(received: Received) -> str:
    """The form of a body: by its type, else by its first bytes."""
    body, media_type = received.body, received.media_type
    if not body:
        raise EmptyBody("The body is empty; send predictions as JSON, CSV or NPZ.")
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


def _columns(body: bytes, kind: str, chosen: type[Evaluation], max_bytes: int) -> dict[str, Any]:
    if not chosen.tables:
        raise UnknownFormat(f"{kind} holds classifications alone; send this task as JSON.")
    return read_csv(body) if kind == CSV else read_npz(body, max_bytes)


def _only_task(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": values["task"]} if values.get("task") is not None else {}


def _named(task: Mapping[str, Any], catalog: Catalog) -> type[Evaluation]:
    return member_of(catalog, str(task.get("task", DEFAULT_TASK)), "task", "task", " at /metrics")


def _check_members(others: Iterable[str], chosen: type[Evaluation], beside: Sequence[str]) -> None:
    known = ["task", *chosen.members, *chosen.model_fields, *beside]
    for name in others:
        if name.partition(".")[0] not in known:
            raise UnknownParameter(
                f"The JSON has {name!r}.{suggestions(name, known)}",
                errors=[{"location": name}],
            )


def _check_data(given: Iterable[str], chosen: type[Evaluation], known: Iterable[str]) -> None:
    """Refuse what isn't data."""
    names = list(known)
    for name in given:
        if name in names:
            continue
        if name == "task" or name.partition(".")[0] in chosen.model_fields:
            reason = "is of the run, not of a chunk; send it with POST /metrics/runs"
        else:
            reason = f"is not known.{nearest(name, names)} A chunk has {', '.join(chosen.members)}"
        raise UnknownParameter(f"{name!r} {reason}.", errors=[{"location": name}])
