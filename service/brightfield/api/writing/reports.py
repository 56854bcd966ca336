"""In which form a report goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from brightfield.api.reading.negotiation import negotiate
from brightfield.api.schema.parameters import query_parameter
from brightfield.api.schema.responses import Responses, reports
from brightfield.api.schema.shapes.shape import Schema
from brightfield.api.writing.sized import json_reply
from brightfield.parameters import Parameters
from brightfield.reports.comparison import COMPARISON_FORMS, render_comparison
from brightfield.reports.plots import catalog
from brightfield.reports.render import FORMATS, check_use, render
from brightfield.reports.requirements.both import judged
from brightfield.reports.requirements.differences import judge_differences
from brightfield.reports.requirements.requirement import Requirements
from brightfield.reports.tables import TABLES

JSON, CSV, NPZ = "application/json", "text/csv", "application/x-npz"
OFFERED = ("json", *FORMATS)
PICTURES = ("svg", "png")
COMPARISONS = ("json", *COMPARISON_FORMS)
COMPARISON_MEDIA = tuple(FORMATS[name].partition(";")[0] for name in COMPARISON_FORMS)
_BARE = {"json": JSON, "npz": NPZ}


class ReportDemands(Parameters):
    """What is required of a report."""

    require: Requirements | None = None
    """What numbers must reach, as `auroc>=0.9,sensitivity@lower>=0.8`; the reply says of each in
    `requirements` whether it is met. `pooled.dice` is pooled, `ap/RBC` of a class."""


class RunDemands(ReportDemands):
    """What is required of the report of a run."""

    baseline: str | None = None
    """The id of a run to compare with. None of the main numbers may be significantly worse, unless
    `require` says what differences there may be, as `difference.auroc@lower>=-0.02`."""


class ReportForm(ReportDemands):
    """The form of a report."""

    format: str | None = None
    """`json`, `csv`, `html`, `junit`, `markdown`, or a plot as `svg` or `png`; wins over the Accept
    header."""
    plot: str | None = None
    """Which plot, of `svg` and `png`; else the first that the report has."""
    table: str | None = None
    """Which table, of `csv`; else `numbers`."""
    title: Annotated[str, Field(max_length=200)] | None = None
    """Heading of the page, of `html`, `junit` and `markdown`."""


class RunReportForm(RunDemands, ReportForm):
    """The form of the report of a run."""


def chosen_form(form: ReportForm, accept: str | None, offered: Sequence[str] = OFFERED) -> str:
    """The name of the form. Raises `NotAcceptable`, or `InvalidParameter` for what does not go
    with it."""
    name = negotiate(form.format, accept, offered, _media_type)
    check_use(name, plot=form.plot, table=form.table, title=form.title, require=form.require)
    return name


def respond(
    report: Mapping[str, Any],
    name: str,
    form: ReportForm,
    max_reply_bytes: int,
    baseline: Mapping[str, Any] | None = None,
) -> Response:
    """The report in the form `name`, with what is required of it and of its differences from the
    `baseline`. Raises `ReplyTooLarge`, or `InvalidParameter` for a plot, table or number that it
    has not."""
    report = judged(report, form.require or (), baseline)
    if name == "json":
        return reply(report, max_reply_bytes)
    made = render(report, name, plot=form.plot, table=form.table, title=form.title)
    headers = {"Content-Disposition": f'inline; filename="{made.name}"'}
    return Response(made.content, media_type=made.media_type, headers=headers)


class ComparisonForm(Parameters):
    """The form of a comparison."""

    format: str | None = None
    """`json`, `csv` (a row for each number), `html` (a page), `junit` or `markdown`; wins over the
    Accept header."""
    title: Annotated[str, Field(max_length=200)] | None = None
    """Heading of the page, of `html`, `junit` and `markdown`."""
    require: Requirements | None = None
    """What differences there may be, as `auroc@lower>=-0.02`. A bare `auroc` must not be
    significantly worse in run a, and `no_loss` says so of the main numbers."""


def comparison_form(form: ComparisonForm, accept: str | None) -> str:
    """The name of the form. Raises as `chosen_form`."""
    name = negotiate(form.format, accept, COMPARISONS, _media_type)
    check_use(name, title=form.title)
    return name


def respond_comparison(
    found: Mapping[str, Any], name: str, form: ComparisonForm, max_reply_bytes: int
) -> Response:
    """The comparison in the form `name`, with what is required of its differences. Raises
    `ReplyTooLarge`, or `InvalidParameter` for a number that it has not."""
    if form.require:
        found = {**found, "requirements": judge_differences(found, form.require)}
    if name == "json":
        return reply(found, max_reply_bytes)
    made = render_comparison(found, name, form.title)
    headers = {"Content-Disposition": f'inline; filename="{made.name}"'}
    return Response(made.content, media_type=made.media_type, headers=headers)


def reply(report: Mapping[str, Any], max_reply_bytes: int) -> Response:
    """The report as JSON. Raises `ReplyTooLarge`."""
    advice = "send fewer rows at once, or ask for fewer curve_points"
    return json_reply(report, max_reply_bytes, advice)


def describe_forms() -> list[Schema]:
    """The query parameters of `ReportForm`, with what there is to choose from."""
    schema = ReportForm.model_json_schema()["properties"]
    choices = {"format": list(OFFERED), "plot": sorted(catalog()), "table": list(TABLES)}
    return [
        query_parameter(name, _described(own, choices.get(name))) for name, own in schema.items()
    ]


def described_replies(offered: Sequence[str] = OFFERED, *, job: bool = True) -> Responses:
    """What the document says of replies in these forms."""
    return reports([_media_type(name) for name in offered], job=job)


def _described(schema: Schema, choices: list[str] | None) -> Schema:
    if choices is None:
        return schema
    return {"type": "string", "enum": choices, "description": schema["description"]}


def _media_type(name: str) -> str:
    return _BARE.get(name) or FORMATS[name].partition(";")[0]
