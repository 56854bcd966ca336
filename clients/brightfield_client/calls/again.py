"""Answers that can have their question asked again, for the formats that the service writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from brightfield_client.calls._collection import plot
from brightfield_client.calls.call import Call, LazyCall, query
from brightfield_client.calls.reading import binary
from brightfield_client.results.asked import Asked
from brightfield_client.results.batch import Batch
from brightfield_client.results.binary import Binary
from brightfield_client.results.collections import Projection
from brightfield_client.results.result import Result

T = TypeVar("T")
Run = Callable[[Call[Binary]], Binary]


def linked(answer: T, question: object, run: Run) -> T:
    """The answer with a link to its question, where it has a use for that."""
    if isinstance(answer, Batch):
        return cast("T", _linked_batch(answer, question, run))
    if isinstance(answer, Projection) and isinstance(question, Call):
        name, made = unquote(question.path.split("/")[2]), answer.id
        return cast("T", replace(answer, _ask=lambda **form: run(plot(name, made, **form))))
    if not isinstance(answer, Asked):
        return answer
    if isinstance(question, LazyCall):
        return cast("T", replace(answer, _ask=lambda **form: run(_in_form(question.make(), form))))
    if isinstance(question, Call) and _is_whole(question):
        return cast("T", replace(answer, _ask=lambda **form: run(_in_form(question, form))))
    return answer


def _is_whole(question: Call[Any]) -> bool:
    """Whether the call carries what it asks about; that of a job that was found again does not."""
    return question.method == "GET" or bool(
        question.content or question.files or "image" in question.params
    )


def _linked_batch(batch: Batch[Any], question: object, run: Run) -> Batch[Any]:
    if not isinstance(question, Call) or question.single is None:
        return batch
    items = (
        linked(item, question.single(index), run) if isinstance(item, Result) else item
        for index, item in enumerate(batch)
    )
    return Batch(tuple(items), batch.raw)


def _in_form(question: Call[Any], form: dict[str, Any]) -> Call[Binary]:
    """The call once more, in another form; the report of a run has a path of its own for those."""
    is_run = question.method == "GET" and question.path.startswith("/metrics/runs/")
    path = f"{question.path}/report" if is_run else question.path
    params = {**question.params, **query(form)}
    return replace(question, path=path, params=params, read=binary)
