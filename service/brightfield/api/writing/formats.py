"""The formats of an answer, and how each is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from brightfield.engine import Answer, MultiImageAnswer
from brightfield.images import encode
from brightfield.parameters import Offset, Parameters
from brightfield.results import MapSpace
from brightfield_painting import display


class Reply(Parameters):
    """In which form the answer comes."""

    format: str | None = None
    """`json`, or one of the endpoint's other formats; wins over the Accept header."""
    space: MapSpace | None = None
    """Grid of a map: `image` pixels (default of binary formats) or the model's `input` (JSON's)."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Greatest opacity of an overlay."""
    offset: Offset = (0.0, 0.0)
    """Where the image's corner lies in a larger one, x,y in its pixels: added in `geojson`."""
    downsample: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Pixels of the larger image for one of this: coordinates in `geojson` are multiplied."""


@dataclass(frozen=True, slots=True)
class ReplyFormat:
    """A binary format by its media type and how an answer is written in it."""

    media_type: str
    suffix: str
    write: Callable[[Any, Reply], bytes]
    """From an `Answer`, or a `MultiImageAnswer` whose result is offered in this format."""


def _csv(answer: Answer | MultiImageAnswer, reply: Reply) -> bytes:
    table = answer.result.table()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode()


def _npy(answer: Answer, reply: Reply) -> bytes:
    return encode.npy(answer.result.raster(reply.space or "image").array)


def _tiff(answer: Answer, reply: Reply) -> bytes:
    space = reply.space or "image"
    raster = answer.result.raster(space)
    known = answer.picture.pixel_size if space == "image" else None
    size = None if known is None else known / raster.finer
    return encode.tiff(raster.array, raster.axes, pixel_size=size)


def _png(answer: Answer | MultiImageAnswer, reply: Reply) -> bytes:
    return encode.png(answer.result.image())


def _overlay(answer: Answer, reply: Reply) -> bytes:
    return encode.png(answer.result.overlay(display(answer.picture.pixels), reply.alpha))


def _geojson(answer: Answer, reply: Reply) -> bytes:
    return orjson.dumps(answer.result.geojson(reply.offset, reply.downsample))


def _coco(answer: Answer, reply: Reply) -> bytes:
    return orjson.dumps(answer.result.coco())


def _rois(answer: Answer, reply: Reply) -> bytes:
    return answer.result.rois()


BINARY = {
    "png": ReplyFormat("image/png", "png", _png),
    "tiff": ReplyFormat("image/tiff", "tif", _tiff),
    "npy": ReplyFormat("application/x-npy", "npy", _npy),
    "csv": ReplyFormat("text/csv", "csv", _csv),
    "overlay": ReplyFormat("image/png", "png", _overlay),
    "geojson": ReplyFormat("application/geo+json", "geojson", _geojson),
    "coco": ReplyFormat("application/vnd.coco+json", "json", _coco),
    "rois": ReplyFormat("application/zip", "zip", _rois),
}


def format_of(name: str, answer: Answer) -> ReplyFormat:
    """The named one; `image` is the one that suits the answer."""
    return BINARY[answer.result.kind if name == "image" else name]


def media_type_of(name: str) -> str:
    """That of a format as a request names it."""
    if name == "json":
        return "application/json"
    return BINARY["png" if name == "image" else name].media_type
