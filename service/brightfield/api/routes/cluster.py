"""GET /cluster: the processes of the service; /cluster/targets: where Prometheus scrapes each."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from brightfield.api.door.needs import needs
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.cluster import SCRAPE_TARGETS, ClusterDescription
from brightfield.api.services import services_of
from brightfield.store.replicas import Replica

router = APIRouter(tags=["service"], prefix="/cluster")


@router.get(
    "",
    summary="The processes on the store: where they are, what they have in memory.",
    response_model=None,
    responses=answers(ClusterDescription),
)
@needs("read")
async def get_cluster(request: Request) -> dict[str, Any]:
    cluster = services_of(request).cluster
    living = await asyncio.to_thread(lambda: cluster.living)
    return {
        "replica": cluster.own.id,
        "cards_differ": len({each.cards_digest for each in living}) > 1,
        "replicas": [_described(each) for each in living],
    }


@router.get(
    "/targets",
    summary="The processes as targets of Prometheus' HTTP service discovery (`http_sd`).",
    response_model=None,
    responses=answers(SCRAPE_TARGETS),
)
@needs("read")
async def get_targets(request: Request) -> list[dict[str, Any]]:
    """Each process counts for itself; their counters are added up where they are asked for."""
    cluster = services_of(request).cluster
    living = await asyncio.to_thread(lambda: cluster.living)
    return [
        {
            "targets": [each.address],
            "labels": {
                "replica": each.id,
                "host": each.process.host,
                "version": each.version,
                "__scheme__": each.scheme,
            },
        }
        for each in living
        if each.address
    ]


def _described(replica: Replica) -> dict[str, Any]:
    return {
        "id": replica.id,
        "host": replica.process.host,
        "pid": replica.process.pid,
        "address": replica.address,
        "version": replica.version,
        "serves": replica.serves,
        "cards_digest": replica.cards_digest,
        "resident": list(replica.residents),
        "started": replica.started,
        "beat": replica.beat,
    }
