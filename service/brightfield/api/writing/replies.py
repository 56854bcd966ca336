"""Writing an answer: which format is wanted, and how each is written."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field
from starlette.responses import Response

from brightfield.api.problems import problem
from brightfield.api.writing.envelope import envelope, facts, survey_envelope
from brightfield.engine import Answer, MultiImageAnswer
from brightfield.errors import BrightfieldError, NotAcceptable, ReplyTooLarge
from brightfield.images import encode
from brightfield.images.annotations.geojson import FieldPlacement
from brightfield.parameters import Offset, Parameters
from brightfield.results import MapSpace
from brightfield.tasks.objects.objects import Objects
from brightfield_painting import display

ReplyItem = Answer | BrightfieldError


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


def _objects(answer: Answer) -> Objects:
    assert isinstance(answer.result, Objects)
    return answer.result


def _geojson(answer: Answer, reply: Reply) -> bytes:
    placement = FieldPlacement(reply.offset, reply.downsample)
    return orjson.dumps(_objects(answer).geojson(placement))


def _coco(answer: Answer, reply: Reply) -> bytes:
    return orjson.dumps(_objects(answer).coco())


def _rois(answer: Answer, reply: Reply) -> bytes:
    return _objects(answer).rois()


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


def _format(name: str, answer: Answer) -> ReplyFormat:
    """The named one; `image` is the one that suits the answer."""
    return BINARY[answer.result.kind if name == "image" else name]


def _media_type(name: str) -> str:
    if name == "json":
        return "application/json"
    return BINARY["png" if name == "image" else name].media_type


def negotiate(
    reply: Reply,
    accept: str | None,
    offered: Sequence[str],
    media_type: Callable[[str], str] = _media_type,
) -> str:
    """The format that `format` names, else the first offered one that the Accept header allows.

    Raises `NotAcceptable` listing what the endpoint offers.
    """
    if reply.format is not None:
        if reply.format in offered:
            return reply.format
        raise NotAcceptable(
            f"format={reply.format!r} is not offered here; {', '.join(offered)} are."
        )
    if not accept or accept == "*/*":
        return offered[0]
    for media_range in _media_ranges(accept):
        for name in offered:
            if _matches(media_type(name), media_range):
                return name
    media_types = dict.fromkeys(media_type(name) for name in offered)
    raise NotAcceptable(f"Accept: {accept} fits none of {', '.join(media_types)}.")


def _media_ranges(accept: str) -> list[str]:
    """The acceptable media types, most wanted first."""
    ranked = []
    for part in accept.split(","):
        media_type, _, rest = part.partition(";")
        quality = 1.0
        for option in rest.split(";"):
            name, _, value = option.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if quality > 0:
            ranked.append((-quality, media_type.strip().lower()))
    return [media_type for _, media_type in sorted(ranked, key=lambda pair: pair[0])]


def _matches(media_type: str, media_range: str) -> bool:
    kind = media_range.partition("/")[0]
    return media_range in ("*/*", media_type) or (
        media_range.endswith("/*") and media_type.startswith(f"{kind}/")
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a request's answers in the negotiated format."""

    name: str
    reply: Reply
    request_id: str
    max_reply_bytes: int

    def single(self, answer: Answer) -> Response:
        if self.name == "json":
            content = orjson.dumps(envelope(answer, self.request_id, self._space))
            self._check_size(len(content), answer)
            return Response(content, media_type="application/json", headers=facts([answer]))
        form = _format(self.name, answer)
        return Response(
            form.write(answer, self.reply), media_type=form.media_type, headers=facts([answer])
        )

    def survey(self, survey: MultiImageAnswer) -> Response:
        """One answer about all images; 207 unless all could be read."""
        failed = any(isinstance(image, BrightfieldError) for image in survey.images)
        if self.name == "json":
            content = orjson.dumps(
                survey_envelope(survey, self.request_id, self._space), default=str
            )
            self._check_size(len(content), survey)
            media_type = "application/json"
        else:
            form = BINARY[self.name]
            content, media_type = form.write(survey, self.reply), form.media_type
        return Response(
            content, 207 if failed else 200, media_type=media_type, headers=facts([survey])
        )

    def batch(self, items: Sequence[ReplyItem]) -> Response:
        """JSON `items`, or a zip by index with `envelopes.json`; 207 unless all succeeded."""
        failed = any(isinstance(item, BrightfieldError) for item in items)
        answers = [item for item in items if isinstance(item, Answer)]
        listing = orjson.dumps(
            {"items": [self._entry(item, index) for index, item in enumerate(items)]}, default=str
        )
        if self.name == "json":
            self._check_size(len(listing), answers[0] if answers else None)
            content, media_type = listing, "application/json"
        else:
            content, media_type = self._zip(items, listing), "application/zip"
        return Response(
            content, 207 if failed else 200, media_type=media_type, headers=facts(answers)
        )

    @property
    def _space(self) -> MapSpace:
        return self.reply.space or "input"

    def _entry(self, item: ReplyItem, index: int) -> dict[str, Any]:
        name = f"{self.request_id}.{index}"
        if isinstance(item, BrightfieldError):
            return {"error": problem(item, name)}
        return envelope(item, name, self._space, with_result=self.name == "json")

    def _zip(self, items: Sequence[ReplyItem], listing: bytes) -> bytes:
        digits = len(str(len(items) - 1))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("envelopes.json", listing)
            for index, item in enumerate(items):
                if isinstance(item, Answer):
                    form = _format(self.name, item)
                    name = f"{index:0{digits}d}.{form.suffix}"
                    archive.writestr(name, form.write(item, self.reply))
        return buffer.getvalue()

    def _check_size(self, size: int, answer: Answer | MultiImageAnswer | None) -> None:
        if size <= self.max_reply_bytes:
            return
        offered = answer.result.formats if answer else ()
        smaller = next((name for name in ("npy", "tiff", "csv") if name in offered), None)
        hint = f"ask for format={smaller}" if smaller else "ask for fewer images at once"
        raise ReplyTooLarge(
            f"The reply has {size} bytes as JSON and the limit is {self.max_reply_bytes} "
            f"(max_reply_bytes); {hint}."
        )
