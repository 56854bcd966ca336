"""/models/{id}/filters: the weights of a convolution as numbers or as a picture."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict

from brightfield.api.image_endpoints import Services
from brightfield.api.reading.parameters import check_names
from brightfield.api.routes.models import ModelId
from brightfield.api.schema.responses import answers, binary
from brightfield.api.schema.shapes.models import FilterList
from brightfield.api.writing.replies import BINARY, Reply, negotiate
from brightfield.errors import ReplyTooLarge
from brightfield.images import encode
from brightfield.images.filters import FilterChoice, Filters
from brightfield.settings import Settings

router = APIRouter(tags=["models"], prefix="/models")


class FilterQuery(FilterChoice):
    """The choice, and the form of the reply."""

    model_config = ConfigDict(extra="ignore")  # unknown names are told with the nearest ones

    format: str | None = None
    """`json`, `png` or `npy`; wins over the Accept header."""


@router.get(
    "/{model_id}/filters",
    summary="The filters of a convolution; loads the model.",
    response_class=Response,
    responses=answers(FilterList, media=binary(("image/png", "application/x-npy"))),
)
async def get_filters(
    model_id: ModelId, request: Request, query: Annotated[FilterQuery, Query()]
) -> Response:
    """Filters on colour or grey images (three input channels, or one) are one picture each, side by
    side; others have a row each, with a grey picture for every input slice. Each filter is shown
    from -m (black) through 0 (middle grey) to m (white), m being its largest magnitude, which the
    JSON states as `ranges`."""
    check_names(request.query_params, FilterQuery)
    services: Services = request.app.state.services
    form = negotiate(Reply(format=query.format), request.headers.get("accept"), Filters.formats)
    choice = FilterChoice(**query.model_dump(exclude={"format"}))
    found = await services.engine.filters(model_id, choice, picture=form == "png")
    card = services.engine.registry.card(model_id)
    content, media_type = _written(found, form, model_id, services.engine.settings)
    return Response(
        content, media_type=media_type, headers={"X-Model": f"{card.id}@{card.version}"}
    )


def _written(found: Filters, form: str, model: str, settings: Settings) -> tuple[bytes, str]:
    if form == "png":
        return encode.png(found.image()), BINARY["png"].media_type
    if form == "npy":
        return encode.npy(found.weights), BINARY["npy"].media_type
    content = orjson.dumps({"model": model, **found.payload("input")})
    if len(content) > settings.max_reply_bytes:
        raise ReplyTooLarge(
            f"The reply has {len(content)} bytes as JSON and the limit is "
            f"{settings.max_reply_bytes} (max_reply_bytes); ask for format=npy, or lower `count`."
        )
    return content, "application/json"
