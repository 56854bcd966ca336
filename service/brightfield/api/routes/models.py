"""/models: what there is, and what is resident."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from brightfield.api.door.needs import needs
from brightfield.api.reading.parameters import parse, query_of
from brightfield.api.request_scope import RequestScope, ticket_of
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_query
from brightfield.api.schema.responses import answers
from brightfield.api.schema.shapes.models import (
    LayerList,
    ModelDescription,
    ModelList,
    ModelSummary,
)
from brightfield.api.services import Services, services_of
from brightfield.api.writing.sized import listed
from brightfield.card_folders import FoundCards
from brightfield.cards import InputSpec, ModelCard
from brightfield.engine import Engine
from brightfield.models.examination.examination import Examination
from brightfield.models.loading import weights
from brightfield.models.loading.makeup import model_digest
from brightfield.outages import ModelNotServed
from brightfield.parameters import Parameters
from brightfield.results import finite
from brightfield.runtime.acceleration.verdict import Attempt, Verdict
from brightfield.runtime.registry import ModelState

router = APIRouter(tags=["models"], prefix="/models")

ModelId = Annotated[str, Path(description="The `id` on the model's card, as GET /models lists it.")]


class LoadOptions(Parameters):
    """How a model is loaded."""

    pin: bool = False
    """Keep the model from being evicted."""
    anew: bool = False
    """Read the cards again, and load even if it is resident."""


@router.get(
    "",
    summary="Every model, its state and what it is for.",
    response_model=None,
    responses=answers(ModelList),
)
@needs("read")
async def list_models(request: Request) -> Response:
    services = services_of(request)
    engine = services.engine
    disk = await asyncio.to_thread(engine.cards_on_disk)

    def every() -> dict[str, Any]:
        cards = engine.registry.cards()
        faults = {**engine.card_faults, **disk.faults}
        return {
            "models": sorted(
                (_outline(services, cards[name], disk) for name in sorted(cards)),
                key=lambda model: model["state"] == "not_fetched",
            ),
            "faults": {name: fault.detail for name, fault in sorted(faults.items())},
        }

    return await listed(every, engine.settings.max_reply_bytes)


@router.get(
    "/{model_id}",
    summary="The card, the state, labels, methods, measured quality.",
    response_model=None,
    responses=answers(ModelDescription),
)
@needs("read")
async def get_model(model_id: ModelId, request: Request) -> Response:
    services = services_of(request)
    engine = services.engine
    with suppress(ModelNotServed):  # the card is here, too
        if (reply := await elsewhere(model_id, request)) is not None:
            return reply
    card = engine.registry.card(model_id)
    disk = await asyncio.to_thread(engine.cards_on_disk)
    return await listed(lambda: _whole(services, card, disk), engine.settings.max_reply_bytes)


@router.post(
    "/{model_id}/load",
    summary="Load a model; `anew` reads its card again.",
    response_model=None,
    responses=answers(ModelSummary),
)
@described(describe_query, LoadOptions)
@needs("models")
async def load_model(model_id: ModelId, request: Request) -> dict[str, Any] | Response:
    """Answers when the model is warm, and describes the one that this load made. `pin` keeps it
    from being evicted. If the deadline passes before, the load goes on. The other processes of the
    service that serve it begin to load it then, too; `replicas` says how far they are."""
    if (reply := await elsewhere(model_id, request)) is not None:
        return reply
    services = services_of(request)
    engine = services.engine
    (options,) = parse((LoadOptions,), query_of(request.query_params))
    ticket = ticket_of(request, services.settings.timeout)
    async with RequestScope(request, ticket):
        if options.anew:
            await asyncio.to_thread(engine.rescan)
        resident = await engine.registry.loaded(
            model_id, ticket, pin=options.pin, anew=options.anew
        )
    wish = services.cluster.residency.wish
    await asyncio.to_thread(wish, model_id, resident=True, pin=options.pin, anew=options.anew)
    disk = await asyncio.to_thread(engine.cards_on_disk)
    return await asyncio.to_thread(_outline, services, resident.card, disk)


@router.post(
    "/{model_id}/unload",
    summary="Drop a resident model when its last user is done.",
    response_model=None,
    responses=answers(ModelSummary),
)
@needs("models")
async def unload_model(model_id: ModelId, request: Request) -> dict[str, Any] | Response:
    """A model whose folder was removed can be unloaded, too, while it is in memory. The other
    processes of the service unload it, too."""
    if (reply := await elsewhere(model_id, request)) is not None:
        return reply
    services = services_of(request)
    engine = services.engine
    card = engine.registry.card(model_id)
    engine.registry.unload(model_id)
    await asyncio.to_thread(services.cluster.residency.wish, model_id, resident=False)
    disk = await asyncio.to_thread(engine.cards_on_disk)
    return await asyncio.to_thread(_outline, services, card, disk)


@router.get(
    "/{model_id}/layers",
    summary="Module names with output shapes; loads the model.",
    response_model=None,
    responses=answers(LayerList),
)
@needs("read")
async def list_layers(model_id: ModelId, request: Request) -> Response:
    if (reply := await elsewhere(model_id, request)) is not None:
        return reply
    engine = _engine(request)
    ticket = ticket_of(request, engine.settings.timeout)
    async with RequestScope(request, ticket):
        infos = await engine.layers(model_id, ticket)

    def every() -> dict[str, Any]:
        layers = [
            {
                "name": info.name,
                "type": info.type,
                "output_shape": list(info.output_shape) if info.output_shape else None,
                "calls": info.calls,
                "parameters": info.parameters,
            }
            for info in infos
        ]
        return {"model": model_id, "aliases": ["penultimate", "logits"], "layers": layers}

    return await listed(every, engine.settings.max_reply_bytes)


async def elsewhere(model_id: str, request: Request) -> Response | None:
    """The reply of a process that serves the model; None if this one does. Raises as `Passing`."""
    services = services_of(request)
    if not services.passing.pools.lacking((model_id,)):
        return None
    ticket = ticket_of(request, services.settings.timeout)
    async with RequestScope(request, ticket):
        return await services.passing.answer(request, b"", (model_id,), ticket)


def _engine(request: Request) -> Engine:
    return services_of(request).engine


def _state(services: Services, card: ModelCard) -> ModelState:
    """That of the registry; `not_fetched` if the weights are not on this machine. Of a model that
    others serve, whether one of them has it in memory."""
    engine = services.engine
    if engine.registry.elsewhere(card.id):
        return "resident" if services.cluster.counts(card.id)["resident"] else "available"
    state = engine.registry.state(card.id)
    absent = state == "available" and not weights.at_hand(card, engine.settings.data)
    return "not_fetched" if absent else state


def _outline(services: Services, card: ModelCard, disk: FoundCards) -> dict[str, Any]:
    """A model by the card by which it answers, compared with the cards on disk."""
    engine = services.engine
    resident = engine.registry.resident(card.id)
    there = disk.cards.get(card.id)
    return {
        "id": card.id,
        "version": card.version,
        "card_on_disk": disk.compared(card),
        "version_on_disk": None if there is None else there.version,
        "task": card.task,
        "description": card.description,
        "licence": card.licence,
        "default": card.id in engine.defaults.names,
        "state": _state(services, card),
        "quarantine": engine.registry.quarantined(card.id),
        "pinned": engine.registry.pinned(card.id),
        "device": resident.lane.name if resident else None,
        "memory_bytes": resident.size_bytes if resident else None,
        "replicas": services.cluster.counts(card.id),
    }


def _whole(services: Services, card: ModelCard, disk: FoundCards) -> dict[str, Any]:
    engine = services.engine
    resident = engine.registry.resident(card.id)
    labels = [
        {"class_id": index, "name": name, "color": list(card.color(index))}
        for index, name in enumerate(card.label_names)
    ]
    return {
        **_outline(services, card, disk),
        "digest": resident.digest if resident else model_digest(card),
        "citation": card.citation,
        "architecture": card.architecture.model_dump(),
        "weights": card.weights.model_dump(exclude_none=True) if card.weights else None,
        "input": card.input.model_dump(mode="json"),
        "objects_um": _in_micrometres(card.input),
        "output": card.output.model_dump(mode="json"),
        "explain": card.explain.model_dump(mode="json"),
        "inference": card.inference.model_dump(mode="json"),
        "acceleration": _acceleration(resident.verdict) if resident else None,
        "labels": labels,
        "methods": sorted(engine.methods) if card.task in _explainable(engine) else [],
        "quality": [entry.model_dump(mode="json", exclude_none=True) for entry in card.quality],
        "examination": _examined(resident.examination) if resident else None,
        "batch_seconds": resident.sizes.measured() if resident else None,
    }


def _in_micrometres(spec: InputSpec) -> dict[str, float] | None:
    """How large the objects are that the model knows, where its pixels have a size."""
    if spec.objects is None or spec.pixel_size is None:
        return None
    return spec.objects.times(spec.pixel_size).model_dump()


def _examined(found: Examination | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "input_shape": list(found.shape),
        "output": found.output,
        "end": found.end,
        **{name: asdict(ability) for name, ability in found.abilities.items()},
        "maps": asdict(found.maps) if found.maps else None,
        "warnings": [asdict(note) for note in found.warnings],
        "remarks": [asdict(note) for note in found.remarks],
    }


def _acceleration(verdict: Verdict) -> dict[str, Any]:
    return {
        "backend": verdict.backend,
        "precision": verdict.precision,
        "progress": verdict.progress,
        "reason": verdict.reason,
        "faster": None if verdict.chosen is None else verdict.chosen.faster,
        "attempts": [_attempt(attempt) for attempt in verdict.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "backend": attempt.backend,
        "precision": attempt.precision,
        "faster": attempt.faster,
        "reason": attempt.reason,
        "gaps": [
            {
                "measure": gap.measure,
                "value": finite(gap.value),
                "limit": finite(gap.limit),
                "at_least": gap.at_least,
                "holds": gap.holds,
            }
            for gap in attempt.gaps
        ],
    }


def _explainable(engine: Engine) -> set[str]:
    return {name for name, task in engine.tasks.items() if task.explainable}
