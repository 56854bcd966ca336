"""The JSON around a result: of which image, by which model, how it came about."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning, Sha256
from brightfield.api.schema.shapes.problems import FailedItem
from brightfield.api.schema.shapes.shape import shape
from brightfield.backend_names import BackendName, Precision

Milliseconds = dict[str, Annotated[float, Field(ge=0)]]
_Batch = Annotated[int, Field(ge=0)]


@shape
class ModelIdentity(TypedDict):
    """The model that answered."""

    id: str
    version: str
    sha256: Sha256 | None
    """Of its weights; null where it has none."""
    digest: Sha256 | None
    """Of all that its output depends on: weights, architecture, how images are prepared, code."""
    backend: BackendName
    """What ran it: `eager` is PyTorch as it is."""
    precision: Precision
    """What it computed in."""


@shape
class UsedLimits(TypedDict):
    """Which values of a plane and channel became 0 and 1."""

    plane: Natural | None
    """Of a stack, counted from 0; null: all planes."""
    channel: Natural | None
    """Of the file, counted from 0; null: all channels."""
    low: float
    high: float


@shape
class IntensityScaling(TypedDict):
    """How the image's values were brought to [0, 1]."""

    mode: str
    """`dtype`, `signal`, `percentile:low,high`, `range:low,high`, or `raw`: not at all."""
    low: float | None
    """The value that became 0; null where planes or channels have their own."""
    high: float | None
    """The value that became 1; null likewise."""
    limits: list[UsedLimits]
    """Those of every plane and channel that has its own; one entry where all share them."""


@shape
class SeenRegion(TypedDict):
    """A rectangle in pixels of the displayed image."""

    x: Natural
    y: Natural
    width: Natural
    height: Natural


@shape
class SeenPart(TypedDict):
    """Which part of its file an image is; null where nothing was chosen: the only one, or all."""

    page: Natural | None
    z: Natural | None
    t: Natural | None
    channels: list[Natural] | None
    level: Natural | None
    """Of a pyramid: the one that was read; null: the full resolution."""
    level_by: Literal["caller", "scale"] | None
    """Who chose the level: by `caller`, sizes and places are in its pixels; by `scale`, in those of
    the full resolution."""
    region: SeenRegion | None


class _Seen(TypedDict):
    name: str | None
    """Of the file, if it was told: in a form, in JSON, or by Content-Disposition."""
    sha256: Sha256
    """Of the image's bytes."""
    width: Natural
    height: Natural
    axes: str
    """Of the file, the slowest first: T time, Z depth, C channel, Y, X, S sample, P page."""
    dtype: str
    orientation_applied: Annotated[int, Field(ge=1, le=8)]
    """The EXIF orientation that was undone; 1: none."""
    intensity: IntensityScaling
    pixel_size: float | None
    """Micrometres per pixel, where known."""
    scale: float
    """Pixels that the model saw for each of the image along a side; 1: the image as it is."""
    spacing: float | None
    """Micrometres from a plane along Z to the next, where known."""
    selection: SeenPart


@shape
class AnsweredImage(_Seen):
    """The image of an answer."""

    tiles: Annotated[int, Field(ge=1)]
    """Into how many tiles or windows it was cut."""


@shape
class ExaminedImage(_Seen):
    """An image of several that were answered together."""

    warnings: list[ReplyWarning]


@shape
class Envelope(TypedDict):
    """An answer about one image."""

    id: str
    """Of the request; of an image in a batch with its place."""
    task: str
    """What was asked for."""
    model: ModelIdentity
    image: AnsweredImage
    result: Any
    """The answer itself."""
    warnings: list[ReplyWarning]
    timing_ms: Milliseconds
    """Milliseconds that each stage took."""
    batch_size: _Batch
    """How many images ran through the model together."""


@shape
class JointEnvelope(TypedDict):
    """One answer about several images together."""

    id: str
    """Of the request."""
    task: str
    """What was asked for."""
    model: ModelIdentity
    images: list[ExaminedImage | FailedItem]
    """The images in the order sent."""
    result: Any
    """The answer itself."""
    warnings: list[ReplyWarning]
    timing_ms: Milliseconds
    """Milliseconds that each stage took."""
    batch_size: _Batch
    """How many images ran through the model together."""
