"""/metrics/runs: evaluations whose predictions come in chunks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from brightfield import metrics as evaluations
from brightfield.api.conduct import Understood, conduct, incoming
from brightfield.api.door.needs import needs
from brightfield.api.reading.evaluations import understand_chunk
from brightfield.api.reading.parameters import parse, query_of
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.reading.run_requests import LONGEST, describe_run, understand_run
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_query
from brightfield.api.schema.openapi_evaluations import describe_chunks, describe_run_options
from brightfield.api.schema.responses import answers, made
from brightfield.api.schema.shapes.reports import EvaluationRun, RunChunk, RunChunkList, RunList
from brightfield.api.services import Services, services_of
from brightfield.api.writing.npz_stream import npz_stream
from brightfield.api.writing.reports import (
    JSON,
    NPZ,
    OFFERED,
    PICTURES,
    RunDemands,
    RunReportForm,
    chosen_form,
    described_replies,
    respond,
)
from brightfield.api.writing.sized import listed
from brightfield.names import check_name
from brightfield.parameters import Parameters
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["evaluation"], prefix="/metrics/runs")

RunId = Annotated[str, Path(description="The `id` of the run, as POST /metrics/runs answers it.")]
PlotName = Annotated[str, Path(description="The name of the plot.")]
Key = Annotated[str, Path(description="A name for the chunk, which the writer chooses.")]

NPZ_FORM = "npz"
_OFFERED = (*OFFERED, NPZ_FORM)


class PageQuery(Parameters):
    """Which of the runs are listed."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    """Most runs in the reply."""
    offset: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """How many of the newest are passed over."""
    name: str | None = None
    """Only the run of this name."""


class PlotQuery(Parameters):
    """The form of a plot."""

    format: str | None = None
    """`svg` or `png`; wins over the Accept header."""


@router.post(
    "",
    summary="Start a run; with a name that is there already, the run of that name.",
    status_code=201,
    response_class=Response,
    responses=made(EvaluationRun, "The run was there already."),
)
@described(lambda: describe_run_options(evaluations.catalog()))
@needs("write", stores=True)
async def create_run(request: Request) -> Response:
    async with incoming(request) as came:
        services = came.services
        evaluation, name = await off_loop(
            came.received, understand_run, came.received, services.engine.evaluations
        )
        run, new = await asyncio.to_thread(services.runs.create, evaluation, name)
    headers = {"Location": f"/metrics/runs/{run.id}"}
    return _json(describe_run(run), 201 if new else 200, headers)


@router.get(
    "",
    summary="The runs, the newest first, with what they have.",
    response_model=None,
    responses=answers(RunList),
)
@described(describe_query, PageQuery)
@needs("read")
async def list_runs(request: Request) -> Response:
    (query,) = parse((PageQuery,), query_of(request.query_params))
    services = services_of(request)

    def page() -> dict[str, Any]:
        found = services.runs.store.page(query.limit, query.offset, query.name)
        return {
            "runs": [describe_run(run) for run in found.runs],
            "total": found.total,
            "limit": query.limit,
            "offset": query.offset,
        }

    return await listed(page, services.settings.max_reply_bytes)


@router.get(
    "/{run_id}",
    summary="The report about what is there.",
    response_class=Response,
    responses=described_replies(("json",)),
)
@described(describe_query, RunDemands, "X-Request-Timeout", "Prefer")
@needs("read", job="write")
async def get_run(run_id: RunId, request: Request) -> Response:
    (query,) = parse((RunDemands,), query_of(request.query_params))
    return await _report(request, run_id, "json", RunReportForm(**query.model_dump()))


@router.get(
    "/{run_id}/report",
    summary="The report in another form: CSV, a page, a summary, a plot, or all points.",
    response_class=Response,
    responses=described_replies(_OFFERED),
)
@described(describe_query, RunReportForm, "X-Request-Timeout", "Prefer")
@needs("read", job="write")
async def get_report(run_id: RunId, request: Request) -> Response:
    """`format=npz` streams every point of the curves."""
    (query,) = parse((RunReportForm,), query_of(request.query_params))
    form = chosen_form(query, request.headers.get("accept"), _OFFERED)
    if form == NPZ_FORM:
        return await _points(request, run_id)
    return await _report(request, run_id, form, query)


@router.get(
    "/{run_id}/plot/{name}",
    summary="A plot: roc, pr, threshold, confusion, calibration, cases, classes or errors.",
    response_class=Response,
    responses=described_replies(PICTURES),
)
@described(describe_query, PlotQuery, "X-Request-Timeout", "Prefer")
@needs("read", job="write")
async def get_plot(run_id: RunId, name: PlotName, request: Request) -> Response:
    """A plot that the report doesn't have is 422; the problem names those that it has."""
    (query,) = parse((PlotQuery,), query_of(request.query_params))
    wanted = RunReportForm(format=query.format, plot=name)
    form = chosen_form(wanted, request.headers.get("accept"), PICTURES)
    return await _report(request, run_id, form, wanted)


@router.delete("/{run_id}", summary="Delete a run and its chunks.", status_code=204)
@needs("write")
async def delete_run(run_id: RunId, request: Request) -> None:
    services = services_of(request)
    await asyncio.to_thread(services.runs.store.delete, run_id)


@router.get(
    "/{run_id}/chunks",
    summary="The chunks that are there, by their keys.",
    response_model=None,
    responses=answers(RunChunkList),
)
@needs("read")
async def list_chunks(run_id: RunId, request: Request) -> Response:
    services = services_of(request)

    def every() -> dict[str, Any]:
        entries = services.runs.store.entries(run_id)
        return {"chunks": [{"key": e.key, "rows": e.rows, "sha256": e.sha256} for e in entries]}

    return await listed(every, services.settings.max_reply_bytes)


@router.put(
    "/{run_id}/chunks/{key:path}",
    summary="Add a chunk; the same key with the same content counts once.",
    status_code=201,
    response_class=Response,
    responses=made(RunChunk, "The chunk was there already."),
)
@described(lambda: describe_chunks(evaluations.catalog()))
@needs("write", stores=True)
async def put_chunk(run_id: RunId, key: Key, request: Request) -> Response:
    check_name("key", key, LONGEST)

    async def understand(services: Services, received: Received) -> Understood:
        add = partial(_added, services, received, run_id, key)
        return Understood(lambda ticket, progress: asyncio.to_thread(add, ticket))

    return await conduct(request, understand)


@router.delete(
    "/{run_id}/chunks/{key:path}",
    summary="Delete a chunk, so its rows can be sent anew.",
    status_code=204,
)
@needs("write")
async def delete_chunk(run_id: RunId, key: Key, request: Request) -> None:
    check_name("key", key, LONGEST)
    await asyncio.to_thread(services_of(request).runs.delete_chunk, run_id, key)


def _added(
    services: Services, received: Received, run_id: str, key: str, ticket: Ticket
) -> Response:
    """Read and add a chunk, both of which take their time."""
    evaluation = services.runs.evaluation(run_id)
    data = understand_chunk(received, evaluation, services.settings.max_bytes)
    entry, new = services.runs.put(run_id, key, evaluation, data, ticket.check)
    document = {"key": entry.key, "rows": entry.rows, "sha256": entry.sha256}
    return _json(document, 201 if new else 200)


async def _report(request: Request, run_id: str, name: str, form: RunReportForm) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        runs, evaluating = services.runs, services.engine.evaluating
        for each in filter(None, (run_id, form.baseline)):  # not only once a job begins
            await asyncio.to_thread(runs.store.get, each)

        async def answer(ticket: Ticket, progress: Progress | None) -> Response:
            report, baseline = await evaluating(partial(runs.report, run_id, ticket.check)), None
            if form.baseline is not None and report["n"]:
                against = partial(runs.compare, run_id, form.baseline, {}, ticket.check)
                baseline = await evaluating(against)
            limit = services.settings.max_reply_bytes
            return await asyncio.to_thread(respond, report, name, form, limit, baseline)

        return Understood(answer)

    return await conduct(request, understand, job="/metrics/runs")


async def _points(request: Request, run_id: str) -> Response:
    async def understand(services: Services, received: Received) -> Understood:
        async def answer(ticket: Ticket, progress: Progress | None) -> Response:
            work = partial(services.runs.points, run_id, ticket.check)
            found = await services.engine.evaluating(work)
            headers = {"Content-Disposition": 'attachment; filename="curves.npz"'}
            return StreamingResponse(npz_stream(found), media_type=NPZ, headers=headers)

        return Understood(answer)

    return await conduct(request, understand)


def _json(document: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, JSON)
