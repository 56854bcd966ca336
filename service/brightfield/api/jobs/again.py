"""From a job's request to its work, in whichever process: each route understands it as when it
came."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from brightfield.access.visitor import of_job
from brightfield.api.conduct import REHEARSAL, Rehearsal, Understood
from brightfield.api.door.needs import needs_of
from brightfield.api.jobs.worker import JobWork
from brightfield.api.reading.received import received_from
from brightfield.api.services import ProjectServices
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket
from brightfield.store.job_claims import ClaimedJob
from brightfield.store.jobs import StoredRequest


class JobRoutes:
    """The routes of an application whose answers may be jobs."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._routes = [
            (compile_path(each.path)[0], frozenset(each.methods or ()), each.endpoint)
            for each in iter_route_contexts(app.routes)
            if each.path and needs_of(each.endpoint) is not None
        ]

    async def work(self, claimed: ClaimedJob) -> JobWork:
        """What a job is to do. Raises `LookupError` for a path that no route has any more."""
        kept = claimed.request
        raw = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in kept.headers]
        query, headers = QueryParams(kept.query), Headers(raw=raw)
        received = await received_from(query, headers, kept.body, kept.request_id)
        understand = await self._understanding(claimed, raw)
        projects: ProjectServices = self._app.state.projects
        services = projects.of(claimed.project)

        async def run(ticket: Ticket, progress: Progress) -> Response:
            understood: Understood = await understand(services, received)
            return await understood.respond(ticket, progress)

        return run

    async def _understanding(self, claimed: ClaimedJob, raw: list[tuple[bytes, bytes]]) -> Any:
        """How the request's route understands it."""
        kept, rehearsal = claimed.request, Rehearsal()
        endpoint, named = self._endpoint(kept)
        scope = {
            "type": "http",
            "app": self._app,
            "method": kept.method,
            "path": kept.path,
            "path_params": named,
            "query_string": kept.query.encode(),
            "headers": raw,
            "request_id": kept.request_id,
            "visitor": of_job(claimed.project),
            REHEARSAL: rehearsal,
        }
        answer = getattr(endpoint, "respond", endpoint)  # an image endpoint is an object
        await answer(request=Request(scope), **named)
        return rehearsal.understand

    def _endpoint(self, kept: StoredRequest) -> tuple[Any, dict[str, str]]:
        for pattern, methods, endpoint in self._routes:
            match: re.Match[str] | None = pattern.match(kept.path)
            if match is not None and kept.method in methods:
                return endpoint, match.groupdict()
        raise LookupError(kept.path)
