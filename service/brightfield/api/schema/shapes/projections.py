"""Maps of collections that are kept."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning, Sha256, UnixTime
from brightfield.api.schema.shapes.shape import open_shape, shape
from brightfield.embedding.neighbors import Metric


@shape
class MeasuredTrust(TypedDict):
    """How far the neighbours on a map are neighbours in truth: 0 to 1."""

    value: float | None
    k: Natural
    """Neighbours on the map that were looked at."""
    sampled: Natural
    """Points that were looked at."""


class _Outline(TypedDict):
    id: Annotated[str, Field(pattern="^map_")]
    created: UnixTime
    method: str
    parameters: dict[str, Any]
    filter: dict[str, Any] | None
    """Which items it shows; null: all."""
    metric: Metric | None
    """By which metric neighbours are near; null where it doesn't matter."""
    n: Natural
    """Items that it was made of."""
    dim: Natural
    """Values of their vectors."""
    trustworthiness: MeasuredTrust
    digest: Sha256
    """Of the method, its parameters and the vectors."""
    versions: dict[str, str]
    warnings: list[ReplyWarning]
    perplexity: NotRequired[float]
    kl_divergence: NotRequired[float | None]
    iterations: NotRequired[Natural]
    explained_variance: NotRequired[list[float]]
    explained_variance_ratio: NotRequired[list[float]]


@open_shape
class ProjectionOutline(_Outline):
    """A map without its points; a method may add members of its own."""


@shape
class ProjectionList(TypedDict):
    """The maps of a collection, the newest first."""

    projections: list[ProjectionOutline]


@shape
class PlacedPoints(TypedDict):
    """The items on a map."""

    ids: list[str]
    x: list[float]
    y: list[float]
    z: NotRequired[list[float]]
    """Of three dimensions."""


@open_shape
class ProjectionDescription(_Outline):
    """A map with its points; a method may add members of its own."""

    points: PlacedPoints
    placed: list[str]
    """Ids of the items that were added after the map was made."""
