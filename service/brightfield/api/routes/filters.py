"""/models/{id}/filters: the weights of a convolution as numbers or as a picture."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from brightfield.api.door.needs import needs
from brightfield.api.reading.negotiation import negotiate
from brightfield.api.reading.parameters import parse, query_of
from brightfield.api.request_scope import RequestScope, ticket_of
from brightfield.api.routes.models import ModelId, elsewhere
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_query
from brightfield.api.schema.responses import answers, binary
from brightfield.api.schema.shapes.models import FilterList
from brightfield.api.services import services_of
from brightfield.api.writing.formats import BINARY, media_type_of, unused
from brightfield.api.writing.sized import json_reply
from brightfield.cards import ModelCard
from brightfield.images import encode
from brightfield.images.filters import FilterChoice, Filters
from brightfield.parameters import Parameters

router = APIRouter(tags=["models"], prefix="/models")


_ADVICE = "ask for format=npy, or lower `count`"


class FilterForm(Parameters):
    """The form of the reply."""

    format: str | None = None
    """`json`, `png` or `npy`; wins over the Accept header."""
    legend: bool = False
    """Draw the scale and what is shown below a picture."""


class FilterQuery(FilterForm, FilterChoice):
    """The choice, and the form of the reply."""


@router.get(
    "/{model_id}/filters",
    summary="The filters of a convolution; loads the model.",
    response_class=Response,
    responses=answers(FilterList, media=binary(("image/png", "application/x-npy"))),
)
@described(describe_query, FilterQuery)
@needs("read")
async def get_filters(model_id: ModelId, request: Request) -> Response:
    """Filters on colour or grey images (three input channels, or one) are one picture each, side by
    side; others have a row each, with a grey picture for every input slice. Each filter is shown
    from -m (black) through 0 (middle grey) to m (white), m being its largest magnitude, which the
    JSON states as `ranges`."""
    if (passed := await elsewhere(model_id, request)) is not None:
        return passed
    services = services_of(request)
    choice, reply = parse((FilterChoice, FilterForm), query_of(request.query_params))
    accept = request.headers.get("accept")
    form = negotiate(reply.format, accept, Filters.formats, media_type_of)
    if reply.legend and form != "png":
        raise unused("legend", form, ("png",))
    ticket = ticket_of(request, services.settings.timeout)
    async with RequestScope(request, ticket):
        filters = services.engine.filters
        found = await filters(model_id, choice, ticket, picture=form == "png")
    card = services.engine.registry.card(model_id)
    headers = {"X-Model": f"{card.id}@{card.version}"}

    def written() -> Response:
        if form == "json":
            document = {"model": model_id, **found.payload("input")}
            return json_reply(document, services.settings.max_reply_bytes, _ADVICE, headers=headers)
        content = encode.npy(found.weights) if form == "npy" else _drawn(found, card, reply)
        return Response(content, headers=headers, media_type=BINARY[form].media_type)

    return await asyncio.to_thread(written)


def _drawn(found: Filters, card: ModelCard, reply: FilterForm) -> bytes:
    picture = found.image()
    if reply.legend:
        picture = found.explained(picture, (f"{card.id}@{card.version}",))
    return encode.png(picture)
