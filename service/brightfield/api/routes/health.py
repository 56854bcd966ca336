"""GET /livez and /readyz."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from brightfield import __version__
from brightfield.api.door.needs import needs
from brightfield.api.door.warning import open_door
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.common import Liveness, Readiness
from brightfield.api.services import services_of
from brightfield.outages import LaneBusy, LaneDown
from brightfield.runtime.lane import Lane

router = APIRouter(tags=["service"])


@router.get(
    "/livez",
    summary="Whether the process answers, and its version.",
    response_model=None,
    responses=answers(Liveness),
)
@needs("open")
async def livez() -> dict[str, str]:
    return {"status": "ok", "version": __version__}


@router.get(
    "/readyz",
    summary="Whether every device's thread runs, the defaults are loaded and the door is shut.",
    response_model=None,
    responses=answers(Readiness),
)
@needs("open")
async def readyz(request: Request) -> dict[str, Any]:
    services = services_of(request)
    lanes = services.engine.lanes
    if not services.engine.ready:
        for lane in lanes:
            _check(lane)
    if request.app.state.preloads is not None:
        request.app.state.preloads.check()
    resident = sorted(one.card.id for one in services.engine.registry.residents())
    return {
        "status": "ready",
        "devices": {lane.name: lane.state for lane in lanes},
        "resident": resident,
        "keys": "needed" if services.keyring.needed else "none",
        "warnings": [warning] if (warning := open_door(services)) else [],
    }


def _check(lane: Lane) -> None:
    if lane.state == "down":
        raise LaneDown(f"The thread of {lane.name} is down and being restarted.", retry_after=1)
    if lane.state == "busy":
        raise LaneBusy(
            f"{lane.name} has been busy for {lane.busy_seconds:.0f} s with one batch of the model "
            f"{lane.busy_with}, which is given up after lane_timeout.",
            retry_after=5,
        )
