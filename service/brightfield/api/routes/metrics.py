"""GET /metrics: what the service counts about itself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from brightfield.api.exchange import Services

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Counters and timings in Prometheus' text format.",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    services: Services = request.app.state.services
    return Response(
        services.engine.telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
