"""Responses by the shapes of what they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from brightfield.api.problems import MEDIA_TYPE
from brightfield.api.schema.shapes.jobs import Job, JobPartial, JobProgress
from brightfield.api.schema.shapes.problems import Problem
from brightfield.api.schema.shapes.reports import REPORT
from brightfield.api.schema.shapes.shape import Schema, reference

JSON = "application/json"
BINARY_BODY: Schema = {"type": "string", "format": "binary"}

Responses = dict[int | str, dict[str, Any]]
"""By status, as FastAPI's routes take them."""

FAULT: dict[str, Any] = {
    "description": "A problem",
    "content": {MEDIA_TYPE: {"schema": reference(Problem.__name__)}},
}
"""What every endpoint answers when something is wrong."""

_LOCATION: Schema = {
    "Location": {"description": "Its address.", "schema": {"type": "string"}},
}


def json_response(
    shape: type[Any] | str, description: str = "", media: Mapping[str, Schema] | None = None
) -> dict[str, Any]:
    """A response of one shape; `media` are its other forms, by media type."""
    name = shape if isinstance(shape, str) else shape.__name__
    content = {JSON: {"schema": reference(name)}}
    content |= {media_type: {"schema": schema} for media_type, schema in (media or {}).items()}
    return {"description": description or "The answer", "content": content}


def answers(
    shape: type[Any] | str, *, job: bool = False, media: Mapping[str, Schema] | None = None
) -> Responses:
    """200 with the shape, and 202 where it can be had as a job."""
    found: Responses = {200: json_response(shape, media=media)}
    return {**found, 202: JOB} if job else found


def made(shape: type[Any] | str, there: str) -> Responses:
    """201 for what is new, and 200 for what was `there` already."""
    return {201: json_response(shape, "It is new."), 200: json_response(shape, there)}


def binary(media_types: Iterable[str]) -> dict[str, Schema]:
    """Forms that are bytes or text of their own."""
    return {
        each: {"type": "string"} if each.startswith("text/") or each == "image/svg+xml"
        else BINARY_BODY
        for each in media_types
    }  # fmt: skip


JOB: dict[str, Any] = {
    **json_response(Job, "A job, at Location"),
    "headers": _LOCATION,
}
"""What is answered where the request prefers a job."""


def reports(media_types: Iterable[str], *, job: bool = False) -> Responses:
    """A report in any of these forms, JSON among them or not."""
    forms = list(media_types)
    media = binary(each for each in forms if each != JSON)
    found = json_response(REPORT, "The report", media)
    if JSON not in forms:
        del found["content"][JSON]
    return {200: found, 202: JOB} if job else {200: found}


EVENTS: Responses = {
    200: {
        "description": "Events until the job is over, with comments while nothing happens.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "description": "`id` counts from 1; `data` is JSON, by the name in `event`.",
                    "x-events": {
                        "progress": reference(JobProgress.__name__),
                        "partial": reference(JobPartial.__name__),
                        "end": reference(Job.__name__),
                    },
                }
            }
        },
    }
}
"""Server-sent events of a job."""
