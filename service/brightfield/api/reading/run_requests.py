"""What requests about evaluation runs bring, and how a run is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brightfield.api.reading.evaluations import Catalog, choose, read_object, typed
from brightfield.api.reading.parameters import merge, parse, query_of
from brightfield.api.reading.received import Received
from brightfield.api.writing.reports import ComparisonForm
from brightfield.errors import InvalidParameter, UnknownParameter, suggestions
from brightfield.metrics.evaluation import Evaluation
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.parameters import parsed_json
from brightfield.store.runs import StoredRun

LONGEST = 200


def understand_run(received: Received, catalog: Catalog) -> tuple[Evaluation, str | None]:
    """The options of a new run and its name, from the query, from JSON, or from both.

    Raises `MalformedJson`, or an `Unprocessable`.
    """
    document = read_object(received.body) if received.body else {}
    sources = (("query", query_of(received.query)), ("body", document))
    named = [(place, {"name": given.pop("name", None)}) for place, given in sources]
    name = merge([(place, own) for place, own in named if own["name"] is not None]).get("name")
    chosen, options = choose(sources[0][1], sources[1][1], catalog)
    if name is not None:
        check_text("name", name)
    return typed(chosen, options), name


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """Two runs to be compared, the options of intervals that were given, and the reply's form."""

    a: str
    b: str
    ci: Mapping[str, Any]
    form: ComparisonForm


def understand_comparison(query: Mapping[str, str]) -> ComparisonRequest:
    """The query of a comparison. Raises an `Unprocessable` for what is missing or not known."""
    for name in ("a", "b"):
        if not query.get(name):
            raise InvalidParameter(
                "Name two runs: `a` and `b` are ids, as GET /metrics/runs lists them.",
                errors=[{"location": name}],
            )
    inner: dict[str, Any] = _whole(query.get("ci"))
    shown: dict[str, Any] = {}
    for name, value in query.items():
        part = name.removeprefix("ci.")
        if part in Confidence.model_fields and part != name:
            inner[part] = value
        elif name in ComparisonForm.model_fields:
            shown[name] = value
        elif name not in ("a", "b", "ci"):
            known = [
                "a",
                "b",
                *ComparisonForm.model_fields,
                *(f"ci.{option}" for option in Confidence.model_fields),
            ]
            raise UnknownParameter(
                f"There is no parameter {name!r} here.{suggestions(name, known)}",
                errors=[{"location": name}],
            )
    (confidence,), (form,) = parse((Confidence,), inner), parse((ComparisonForm,), shown)
    given = confidence.model_dump(exclude_unset=True)
    return ComparisonRequest(query["a"], query["b"], given, form)


def _whole(ci: str | None) -> dict[str, Any]:
    """The options of intervals as one JSON object."""
    try:
        found = {} if ci is None else parsed_json(ci)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidParameter(
            "`ci` is a JSON object; write its parts as ci.level=0.9.",
            errors=[{"location": "ci", "received": ci}],
        )
    return found


def check_text(location: str, value: Any) -> None:
    """Raises `InvalidParameter` for what does not serve as a name."""
    if isinstance(value, str) and 1 <= len(value) <= LONGEST and value.isprintable():
        return
    raise InvalidParameter(
        f"`{location}` is a text of 1 to {LONGEST} printable characters.",
        errors=[{"location": location, "expected": f"1 to {LONGEST} printable characters"}],
    )


def describe_run(run: StoredRun) -> dict[str, Any]:
    """A run as JSON. Times are seconds since 1970."""
    return {
        "id": run.id,
        "name": run.name,
        "task": run.task,
        "options": dict(run.options),
        "created": run.created,
        "touched": run.touched,
        "chunks": run.chunks,
        "rows": run.rows,
    }
