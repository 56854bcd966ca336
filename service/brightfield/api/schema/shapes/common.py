"""What many replies have in common: arrays, pictures, places, warnings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.shape import shape

Natural = Annotated[int, Field(ge=0)]
"""A count, or a number counted from 0."""
Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
UnixTime = Annotated[float, Field(description="Seconds since 1970.")]
LabelColor = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]
Span = Annotated[list[float], Field(min_length=2, max_length=2)]
"""[start, stop]."""


@shape
class EncodedArray(TypedDict):
    """An array: its bytes in C order, little-endian, as base64."""

    shape: list[Natural]
    """Length of each axis."""
    dtype: str
    """Type of a value, as NumPy names it: `float32`."""
    data: Base64
    """The bytes."""


@shape
class EncodedPicture(TypedDict):
    """A picture as the base64 of a PNG."""

    format: Literal["png"]
    data: Base64


@shape
class BoundingBox(TypedDict):
    """A rectangle by its edges, in pixels of the image; (0, 0) is the outer corner of the first."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


@shape
class ImagePoint(TypedDict):
    """A place in pixels of the image."""

    x: float
    y: float


@shape
class RunLengths(TypedDict):
    """A mask in COCO's run-length encoding."""

    size: Annotated[list[Natural], Field(min_length=2, max_length=2)]
    """[height, width]."""
    counts: str
    """Compressed counts, as pycocotools writes them."""


@shape
class ReplyWarning(TypedDict):
    """What is to be known of an answer that was given nevertheless."""

    code: str
    """Stable, for programs."""
    detail: str
    """A sentence for people."""


@shape
class WindowPlaces(TypedDict):
    """Where the windows of a grid lie: the edges of its rows and columns, in image pixels."""

    rows: Natural
    cols: Natural
    y: list[Span]
    """[start, stop] of each row."""
    x: list[Span]
    """[start, stop] of each column."""


@shape
class Deleted(TypedDict):
    """What was deleted."""

    deleted: str
    """Its name."""


@shape
class DeletedItems(TypedDict):
    """How many items were deleted."""

    deleted: Natural


@shape
class StoredImage(TypedDict):
    """An image that is kept for a while."""

    id: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    """Stands for the image in later requests."""
    bytes: Natural
    format: Literal["jpeg", "png", "tiff", "bmp", "gif", "webp", "npy"]
    width: Natural
    height: Natural
    expires_in: float
    """Seconds after its last use when it is forgotten."""


@shape
class Liveness(TypedDict):
    """The process answers."""

    status: Literal["ok"]
    version: str
    """Of the service."""


@shape
class Readiness(TypedDict):
    """The service can answer requests."""

    status: Literal["ready"]
    devices: dict[str, Literal["up", "busy", "down"]]
    """The state of each device's thread."""
    resident: list[str]
    """Ids of the models in memory."""
    keys: Literal["needed", "none"]
    """Whether requests need an API key."""
    warnings: list[str]
    """What the person who runs the service should mend: who can reach it without a key."""
