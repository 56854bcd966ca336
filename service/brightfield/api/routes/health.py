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
from brightfield.errors import LaneDown

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
    lanes = {lane.name: "up" if lane.up else "down" for lane in services.engine.lanes}
    if not services.engine.ready:
        down = ", ".join(name for name, state in lanes.items() if state == "down")
        raise LaneDown(f"The thread of {down} is down and being restarted.", retry_after=1)
    resident = sorted(one.card.id for one in services.engine.registry.residents())
    return {
        "status": "ready",
        "devices": lanes,
        "resident": resident,
        "keys": "needed" if services.keyring.needed else "none",
        "warnings": [warning] if (warning := open_door(services)) else [],
    }
