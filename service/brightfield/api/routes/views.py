"""/images/{id}: what was read of a stored image, parts of it at any scale, values, histograms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import needs
from brightfield.api.reading.negotiation import negotiate
from brightfield.api.reading.parameters import parse, query_of
from brightfield.api.reading.received import Received
from brightfield.api.schema.described import described
from brightfield.api.schema.openapi_collections import describe_query
from brightfield.api.schema.responses import answers, binary
from brightfield.api.schema.shapes.images import ImageDescription, ImageHistogram, ImageValues
from brightfield.api.services import Services
from brightfield.api.wire.kept_by_clients import etag_of, kept_headers, unchanged
from brightfield.api.writing import views
from brightfield.api.writing.formats import unused
from brightfield.api.writing.sized import json_reply
from brightfield.engine.viewing.plane import ViewedPlane
from brightfield.errors import InvalidParameter, TooManyBytes, TooManyPixels
from brightfield.images import encode
from brightfield.images.contents import contents
from brightfield.images.histogram import histogram
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Region
from brightfield.images.selection import Selection
from brightfield.parameters import BoxParameter, Parameters
from brightfield.preprocess import field_of
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

router = APIRouter(tags=["images"], prefix="/images")

ImageId = Annotated[str, Path(description="As PUT /images answers it: `sha256:` and 64 digits.")]

_MOST_PIXELS = 4096 * 4096
_ADVICE = "ask for a smaller region, or for format=npy"


class ViewedPart(Parameters):
    """A part of the plane."""

    region: BoxParameter | None = None
    """Only this part: x,y,width,height in pixels of the displayed image. Default: all of it."""

    @property
    def wanted(self) -> Region | None:
        return None if self.region is None else Region(*self.region)


class ViewForm(ViewedPart):
    """What is seen of a plane, and in which form."""

    width: Annotated[int, Field(ge=1, le=16_384)] | None = None
    """Pixels of the picture from left to right; the height follows. Fewer than the region has are
    means over it, more repeat its pixels. Default: as many as the region has, or fewer for a
    picture of 4096 x 4096 pixels at most."""
    intensity: Intensity = Intensity("auto")
    """Which values become black and white: `dtype`, `signal`, `percentile:low,high` or
    `range:low,high`, over the whole plane. `auto`: `dtype` for 8-bit images and colours, else
    `signal`."""
    format: str | None = None
    """`png`, `webp` (both without loss), or the values as they are: `npy` or `json`; wins over the
    Accept header."""


class HistogramForm(ViewedPart):
    """A histogram."""

    bins: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Most bins."""


class ViewQuery(ViewForm, Selection):
    """A view of a plane."""


class HistogramQuery(HistogramForm, Selection):
    """A histogram of a plane."""


_Answer = Callable[[Services], Awaitable[Response]]


async def _answered(request: Request, answer: _Answer) -> Response:
    """The answer, which takes a place like that of any other question about an image."""

    async def understand(services: Services, received: Received) -> Understood:
        async def respond(ticket: Ticket, progress: Progress | None) -> Response:
            return await answer(services)

        return Understood(respond, lengthy=False)

    return await conduct(request, understand)


async def _plane(services: Services, image_id: str, selection: Selection) -> ViewedPlane:
    """The one plane that is meant. Raises `AmbiguousAxes` where there are several."""
    read = partial(services.images.get, image_id)
    plane = await services.viewed.plane(image_id, selection, read)
    if plane.contents.fault is not None:
        raise plane.contents.fault.again()
    return plane


@router.get(
    "/{image_id}",
    summary="What was read of a stored image: size, axes, channels, type, values, pixel size.",
    response_class=Response,
    responses=answers(ImageDescription),
)
@described(describe_query, Selection)
@needs("read")
async def get_image(image_id: ImageId, request: Request) -> Response:
    """`selection` is the plane that `values`, `intensity` and the sizes are about: of a stack, what
    is left open is the first."""
    (selection,) = parse((Selection,), query_of(request.query_params))

    async def answer(services: Services) -> Response:
        size = await asyncio.to_thread(services.images.use, image_id)
        read = partial(services.images.get, image_id)
        try:
            plane = await services.viewed.plane(image_id, selection, read)
            document = await asyncio.to_thread(views.described, plane)
        except (TooManyPixels, TooManyBytes) as fault:
            found = await asyncio.to_thread(lambda: contents(read(), selection))
            document = views.described_unread(found, fault)
        own = {"id": image_id.lower(), "bytes": size, "expires_in": services.settings.image_ttl}
        return json_reply({**own, **document}, services.settings.max_reply_bytes)

    return await _answered(request, answer)


@router.get(
    "/{image_id}/view",
    summary="A part of a stored image at a scale, as a picture or as its values.",
    response_class=Response,
    responses={
        **answers(ImageValues, media=binary(("image/png", "image/webp", "application/x-npy"))),
        304: {"description": "The caller has it already, as If-None-Match says."},
    },
)
@described(describe_query, ViewQuery)
@needs("read")
async def get_view(image_id: ImageId, request: Request) -> Response:
    """An id names its content, so a view never changes: clients may keep it."""
    selection, form = parse((Selection, ViewForm), query_of(request.query_params))
    offered = tuple(views.MEDIA_TYPES)
    accept = request.headers.get("accept")
    name = negotiate(form.format, accept, offered, views.MEDIA_TYPES.__getitem__)
    if name not in views.PICTURES:
        for each in sorted(form.changed & {"width", "intensity"}):
            raise unused(each, name, tuple(views.PICTURES))
    tag = etag_of((image_id.lower(), selection.model_dump_json(), form.model_dump_json(), name))

    async def answer(services: Services) -> Response:
        await asyncio.to_thread(services.images.use, image_id)
        if (same := unchanged(request, tag)) is not None:
            return same
        plane = await _plane(services, image_id, selection)
        write = _picture if name in views.PICTURES else _numbers
        most = services.settings.max_reply_bytes
        found = await asyncio.to_thread(write, plane, form, name, image_id.lower(), most)
        found.headers.update(kept_headers(tag))
        return found

    return await _answered(request, answer)


def _picture(plane: ViewedPlane, form: ViewForm, name: str, image_id: str, most: int) -> Response:
    height, width = _size(field_of(plane.picture, form.wanted), form.width)
    shown = plane.shown(form.wanted, height, width, form.intensity)
    content = views.PICTURES[name](shown.pixels, plane.picture.profile)
    codes = ", ".join(dict.fromkeys(note.code for note in shown.notes))
    headers = {"X-Image-Warnings": codes} if codes else {}
    return Response(content, headers=headers, media_type=views.MEDIA_TYPES[name])


def _numbers(plane: ViewedPlane, form: ViewForm, name: str, image_id: str, most: int) -> Response:
    numbers = plane.values(form.wanted)
    if name == "npy":
        flat = numbers[..., 0] if numbers.shape[2] == 1 else numbers
        return Response(encode.npy(flat), media_type=views.MEDIA_TYPES[name])
    if 2 * numbers.size > most:  # no number has fewer characters, with its comma
        raise InvalidParameter(
            f"The region has {numbers.size:,} values, more than fit into a JSON reply; {_ADVICE}.",
            errors=[{"location": "region"}],
        )
    document: Any = views.values_document(plane, form.wanted, numbers, image_id)
    return json_reply(document, most, _ADVICE)


def _size(part: Region, width: int | None) -> tuple[int, int]:
    """(height, width) of the picture of a part. Raises `InvalidParameter` for too many pixels."""
    if width is None:
        width = min(part.width, max(1, int((_MOST_PIXELS * part.width / part.height) ** 0.5)))
    height = max(1, round(part.height * width / part.width))
    if height * width > _MOST_PIXELS:
        most = int((_MOST_PIXELS * part.width / part.height) ** 0.5)
        raise InvalidParameter(
            f"width={width} makes a picture of {width} x {height} pixels, and at most "
            f"{_MOST_PIXELS:,} are drawn; ask for width={max(1, most)} or less, or for a smaller "
            "region.",
            errors=[{"location": "width", "expected": f"1 to {max(1, most)}", "received": width}],
        )
    return height, width


@router.get(
    "/{image_id}/histogram",
    summary="How often each value occurs in a stored image, or in a part of it.",
    response_class=Response,
    responses={
        **answers(ImageHistogram),
        304: {"description": "The caller has it already, as If-None-Match says."},
    },
)
@described(describe_query, HistogramQuery)
@needs("read")
async def get_histogram(image_id: ImageId, request: Request) -> Response:
    """Every finite value is counted, in its own units, in bins of the same width for all
    channels."""
    selection, form = parse((Selection, HistogramForm), query_of(request.query_params))
    tag = etag_of((image_id.lower(), selection.model_dump_json(), form.model_dump_json()))

    async def answer(services: Services) -> Response:
        await asyncio.to_thread(services.images.use, image_id)
        if (same := unchanged(request, tag)) is not None:
            return same
        plane = await _plane(services, image_id, selection)

        def counted() -> Response:
            found = histogram(plane.values(form.wanted), form.bins)
            document = views.histogram_document(plane, found, image_id.lower())
            return json_reply(
                document, services.settings.max_reply_bytes, headers=kept_headers(tag)
            )

        return await asyncio.to_thread(counted)

    return await _answered(request, answer)
