"""The processes of a service."""

from __future__ import annotations

from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, Sha256, UnixTime
from brightfield.api.schema.shapes.shape import array, shape


@shape
class ReplicaDescription(TypedDict):
    """A process of the service."""

    id: str
    host: str
    pid: Natural
    address: str
    """Where it can be asked itself; empty if nobody knows."""
    version: str
    serves: str
    """The models that it loads, as its setting `serves` has them; empty: all."""
    cards_digest: Sha256
    """Of all its model cards; processes with the same answer alike."""
    resident: list[str]
    """Ids of the models that it has in memory."""
    started: UnixTime
    """By the store's clock, like `beat`."""
    beat: UnixTime
    """When it last renewed its lease."""


@shape
class ClusterDescription(TypedDict):
    """The processes on the store that are alive, the oldest first."""

    replica: str
    """The one that answers."""
    cards_differ: bool
    """Whether some would answer with other models than others."""
    replicas: list[ReplicaDescription]


@shape
class ScrapeTarget(TypedDict):
    """Where a process of the service has its counters."""

    targets: list[str]
    labels: dict[str, str]


SCRAPE_TARGETS = array(
    "ScrapeTargets",
    "The processes, in the form of Prometheus' `http_sd_configs`.",
    ScrapeTarget,
)
