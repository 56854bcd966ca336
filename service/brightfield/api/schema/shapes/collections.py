"""Collections of vectors: what they hold, and what is found in them."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning, Sha256, UnixTime
from brightfield.api.schema.shapes.problems import Problem
from brightfield.api.schema.shapes.shape import shape
from brightfield.embedding.neighbors import Metric
from brightfield.store.items import Outcome

MetadataValue = str | int | float | bool | None
Metadata = dict[str, MetadataValue]
_Distance = Annotated[float, Field(ge=0)]


@shape
class CollectionDescription(TypedDict):
    """What a collection is made of, and how many items it has."""

    name: str
    model: str | None
    """Null where vectors alone are added."""
    model_version: str | None
    model_sha256: Sha256 | None
    model_digest: Sha256 | None
    """Of all that made the vectors, as `model.digest` of replies; null without a model, and of
    collections of earlier versions until an image is added."""
    layer: str | None
    pool: Literal["mean", "max", "none"] | None
    normalize: bool
    metric: Metric
    dtype: Literal["float32", "float16"]
    keep_images: bool
    dim: Natural | None
    """Values of a vector; null before the first."""
    items: Natural
    changes: Natural
    """How often an item came or went: the same number, the same items."""
    created: UnixTime


@shape
class CollectionList(TypedDict):
    """Every collection."""

    collections: list[CollectionDescription]


@shape
class CollectionItem(TypedDict):
    """An item without its vector."""

    id: str
    metadata: Metadata


@shape
class ItemPage(TypedDict):
    """Items in the order of their addition."""

    items: list[CollectionItem]
    next: Natural | None
    """`after` of the next page; null on the last."""
    total: Natural
    """Items of the collection."""


@shape
class ItemDescription(CollectionItem):
    """An item with its vector."""

    source: str
    """The SHA-256 of what it was made of."""
    vector: list[float]


@shape
class AddedItem(TypedDict):
    """An item that is there now."""

    id: str
    outcome: Outcome


@shape
class RefusedItem(TypedDict):
    """An item that was not added."""

    id: str | None
    error: Problem


@shape
class Additions(TypedDict):
    """What became of each item, in the order sent."""

    collection: str
    items: list[AddedItem | RefusedItem]
    warnings: list[ReplyWarning]


@shape
class Neighbor(CollectionItem):
    """An item that is near what was asked for."""

    distance: _Distance


@shape
class MeasuredRecall(TypedDict):
    """The share of the true neighbours that an index finds."""

    value: Annotated[float, Field(ge=0, le=1)]
    k: Natural
    """How many neighbours were looked for."""
    ef_search: Natural
    sample: Natural
    """How many items were searched for."""
    seed: Natural
    items: Natural
    """How many there were to search in."""


@shape
class NearestItems(TypedDict):
    """The nearest items, the nearest first."""

    collection: str
    space: Literal["embedding", "pixels"]
    metric: Metric
    exact: bool
    ef_search: NotRequired[Natural]
    recall: NotRequired[MeasuredRecall]
    """Where an index was asked: what it found at the nearest setting that was measured."""
    searched: Natural
    """Among how many items."""
    neighbors: list[Neighbor]
    warnings: list[ReplyWarning]


@shape
class SampledSilhouette(TypedDict):
    """How well items lie in their clusters: -1 to 1."""

    value: float | None
    sampled: Natural


@shape
class ItemCluster(TypedDict):
    """A cluster."""

    cluster: Natural
    size: Natural
    members: list[str | None]
    """Ids of the items nearest the centre."""


@shape
class ItemClusters(TypedDict):
    """The items parted into clusters."""

    collection: str
    k: Natural
    n: Natural
    seed: Natural
    inertia: float
    """Sum of the squared distances to the centres."""
    silhouette: SampledSilhouette
    clusters: list[ItemCluster]
    ids: list[str | None]
    """Of all items that were looked at."""
    labels: list[Natural]
    """The cluster of each of them."""
    warnings: list[ReplyWarning]


@shape
class DuplicateItem(TypedDict):
    """A member of a group of duplicates."""

    id: str
    distance: _Distance
    """To the nearest other member."""


@shape
class DuplicateGroups(TypedDict):
    """Groups of items that lie closer together than a threshold."""

    collection: str
    n: Natural
    """How many items were looked at."""
    k: Natural
    """How many neighbours of each."""
    threshold: float
    extra: Natural
    """How many items are left out if one of each group stays."""
    groups: list[list[DuplicateItem]]
    warnings: list[ReplyWarning]


@shape
class OutlyingItem(CollectionItem):
    """An item that lies apart."""

    score: float
    """Local outlier factor: about 1 inside a cluster."""


@shape
class OutlyingItems(TypedDict):
    """Items that lie apart, the farthest first."""

    collection: str
    n: Natural
    """How many items were looked at."""
    k: Natural
    """How many neighbours of each."""
    outliers: list[OutlyingItem]
    warnings: list[ReplyWarning]


@shape
class DisputedLabel(TypedDict):
    """An item whose label isn't that of its neighbours."""

    id: str
    label: MetadataValue
    suggested: MetadataValue
    """The label of most of its neighbours."""
    score: float
    """The share of neighbours with another label."""


@shape
class DisputedLabels(TypedDict):
    """Items whose labels disagree with those of their neighbours."""

    collection: str
    n: Natural
    """How many items were looked at."""
    k: Natural
    """How many neighbours of each."""
    by: str
    """The key of the metadata."""
    agreement: float
    """The share of items whose label is that of most of their neighbours."""
    disagreements: list[DisputedLabel]
    warnings: list[ReplyWarning]


@shape
class IndexDescription(TypedDict):
    """An index by which neighbours are found faster."""

    collection: str
    method: Literal["hnsw"]
    metric: Metric
    m: Natural
    ef_construction: Natural
    type: Literal["vector", "halfvec"]
    """In which precision vectors are indexed."""
    versions: dict[str, str]
    created: UnixTime
    indexed: Natural
    """Items that it holds."""
    waiting: Natural
    """Items that came later."""
    recall: MeasuredRecall
    """At the default setting."""
    recalls: list[MeasuredRecall]
