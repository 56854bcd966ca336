"""What is said of a stored image."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning
from brightfield.api.schema.shapes.envelopes import IntensityScaling, SeenPart, SeenRegion
from brightfield.api.schema.shapes.shape import shape

_Id = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


@shape
class ImageAxis(TypedDict):
    """An axis of a file."""

    name: Literal["P", "T", "Z", "C", "Y", "X"]
    """P page (or frame, or one of several images), T time, Z depth, C channel, Y rows, X
    columns."""
    length: Annotated[int, Field(ge=1)]


@shape
class ImageChannel(TypedDict):
    """A channel of a file."""

    index: Natural
    """As `channels` counts them."""
    name: str | None
    """What the file calls it."""


@shape
class PyramidLevel(TypedDict):
    """A level of a pyramid."""

    level: Natural
    """0 the full resolution."""
    width: Natural
    height: Natural


@shape
class FiniteValues(TypedDict):
    """The finite values of a plane, in the image's own units; null where there are none."""

    least: float | None
    greatest: float | None
    finite: Natural
    """How many there are."""


@shape
class ImageDescription(TypedDict):
    """What was read of a stored image."""

    id: _Id
    bytes: Natural
    """Of the file."""
    format: Literal["jpeg", "png", "tiff", "bmp", "gif", "webp", "npy"]
    width: Natural
    """Of the plane that `selection` names, as it is displayed."""
    height: Natural
    axes: list[ImageAxis]
    """The axes of the file: planes are chosen by `page`, `t` and `z`, channels by `channels`."""
    channels: list[ImageChannel]
    """All that the file has."""
    separate: bool
    """Whether the channels are images of their own, as those of fluorescence; else they are grey or
    the samples of one colour."""
    levels: list[PyramidLevel]
    """Of the page, the largest first; one where it has no smaller copies."""
    dtype: str
    """Type of a value, as NumPy names it: `uint16`."""
    orientation_applied: Annotated[int, Field(ge=1, le=8)]
    """The EXIF orientation that was undone; 1: none."""
    selection: SeenPart
    """The plane that is described; of what was left open, the first."""
    pixel_size: float | None
    """Micrometres per pixel, where known."""
    spacing: float | None
    """Micrometres from a plane along Z to the next, where known."""
    values: FiniteValues | None
    """Null for a plane that is too large to be read."""
    intensity: IntensityScaling | None
    """What `intensity=auto` makes black (0) and white (1); null likewise."""
    warnings: list[ReplyWarning]
    expires_in: float
    """Seconds after its last use when it is forgotten."""


@shape
class ImageValues(TypedDict):
    """The values of a part of a plane."""

    id: _Id
    region: SeenRegion
    axes: Literal["YX", "YXC"]
    dtype: str
    """Type of a value, as NumPy names it: `uint16`."""
    values: list[list[Any]]
    """Rows of numbers; of several channels a list of numbers for each pixel. Null: not finite."""


@shape
class ChannelHistogram(TypedDict):
    """The counts of a channel."""

    index: Natural
    """As `channels` counts them."""
    finite: Natural
    """How many values were counted."""
    counts: list[Natural]


@shape
class ImageHistogram(TypedDict):
    """How often each value occurs; bin i begins at start + i * step."""

    id: _Id
    dtype: str
    """Type of a value, as NumPy names it: `uint16`."""
    start: float
    """The least finite value; 0 where there is none."""
    step: float
    """Width of a bin in the image's own units: a whole number for whole numbers."""
    channels: list[ChannelHistogram]
