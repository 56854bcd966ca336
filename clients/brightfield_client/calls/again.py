"""Asking the same question again, for the formats that only the service can write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from brightfield_client.calls.call import Askable, Call
from brightfield_client.calls.image_call import in_format, read_binary
from brightfield_client.results.binary import Binary
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.repeatable import Repeatable

T = TypeVar("T")


def repeatable(answer: T, question: Askable[T], run: Callable[[Call[Binary]], Binary]) -> T:
    """The answer, able to ask its question again where it has a use for that."""
    if not isinstance(question, Call):
        return answer
    if isinstance(answer, Repeatable):
        return cast("T", replace(answer, _ask=lambda name: run(in_format(question, name))))
    if isinstance(answer, Evaluation):
        return cast("T", replace(answer, _ask=lambda form: run(_in_form(question, form))))
    return answer


def _in_form(question: Call[Any], form: Mapping[str, str]) -> Call[Binary]:
    """The report once more; that of a run has a path of its own for other forms."""
    path = question.path if question.method == "POST" else f"{question.path}/report"
    return replace(question, path=path, params={**question.params, **form}, read=read_binary)
