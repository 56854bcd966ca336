"""The formats of an answer, and how each is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from brightfield.api.writing.facts import AnswerFacts
from brightfield.engine import Answer, MultiImageAnswer
from brightfield.errors import InvalidParameter
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
    """Where the image's corner lies in a larger one, x,y in its pixels: added to the coordinates of
    objects."""
    downsample: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Pixels of the larger image for one of this: coordinates of objects are multiplied by it."""
    legend: bool = False
    """Draw what a picture shows below it: the colours of values or classes, the model, the
    target."""
    zoom: bool = False
    """Cut the picture of a map to the part where the map has values to see, and enlarge it: the
    field of a neuron."""

    def check(self, form: str, uses: Mapping[str, Sequence[str]]) -> None:
        """Refuse what was given and the format has no use for; `uses` has the formats by parameter.

        Raises `InvalidParameter` that names the formats which have one.
        """
        for name in sorted(self.changed - {"format"}):
            formats = uses.get(name, ())
            # Tables and pictures of maps are in pixels of the image, whatever is asked.
            fits = name == "space" and self.space == "image" and name in uses
            if form not in formats and not fits:
                raise unused(name, form, formats)

    @property
    def places(self) -> bool:
        """Whether coordinates are those of a larger image."""
        return self.offset != (0.0, 0.0) or self.downsample != 1.0


def unused(name: str, form: str, formats: Sequence[str]) -> InvalidParameter:
    """The refusal of a parameter that a format has no use for."""
    users = f"it belongs to format={' or '.join(formats)}" if formats else "no format here has one"
    other = ", or choose another format" if formats else ""
    return InvalidParameter(
        f"format={form} has no use for {name}; {users}. Leave {name} out{other}.",
        errors=[{"location": name, "expected": list(formats)}],
    )


@dataclass(frozen=True, slots=True)
class ReplyFormat:
    """A binary format by its media type and how an answer is written in it."""

    media_type: str
    suffix: str
    write: Callable[[Any, Reply, AnswerFacts[Any]], bytes]
    """From an `Answer`, or a `MultiImageAnswer` whose result is offered in this format."""


def _csv(answer: Answer | MultiImageAnswer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    table = answer.result.table()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode()


def _npy(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    return encode.npy(answer.result.raster(reply.space or "image").array)


def _tiff(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    space = reply.space or "image"
    raster = answer.result.raster(space)
    known = answer.picture.pixel_size if space == "image" else None
    return encode.tiff(
        raster.array,
        raster.axes,
        pixel_size=None if known is None else known / raster.finer,
        spacing=raster.spacing,
        origin=raster.origin,
        facts=facts.texts,
        profile=answer.result.profile,
    )


def _png(answer: Answer | MultiImageAnswer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    picture = answer.result.image()
    if reply.zoom:
        picture = answer.result.zoomed(picture)
    if reply.legend:
        picture = answer.result.explained(picture, facts.title)
    return encode.png(picture, facts.texts, answer.result.profile)


def _overlay(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    drawn = answer.result.overlay(display(answer.picture.full), reply.alpha)
    if reply.zoom:
        drawn = answer.result.zoomed(drawn)
    if reply.legend:
        drawn = answer.result.explained(drawn, facts.title)
    return encode.png(drawn, facts.texts)


def _beside(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    drawn = answer.result.beside(answer.picture.pixels)
    if reply.legend:
        drawn = answer.result.explained(drawn, facts.title)
    return encode.png(drawn, facts.texts)


def _geojson(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    return orjson.dumps(answer.result.geojson())


def _coco(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    return orjson.dumps(answer.result.coco(facts.file))


def _rois(answer: Answer, reply: Reply, facts: AnswerFacts[Any]) -> bytes:
    return answer.result.rois()


BINARY = {
    "png": ReplyFormat("image/png", "png", _png),
    "tiff": ReplyFormat("image/tiff", "tif", _tiff),
    "npy": ReplyFormat("application/x-npy", "npy", _npy),
    "csv": ReplyFormat("text/csv", "csv", _csv),
    "overlay": ReplyFormat("image/png", "png", _overlay),
    "beside": ReplyFormat("image/png", "png", _beside),
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
