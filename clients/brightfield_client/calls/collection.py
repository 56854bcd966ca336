"""/collections and below: one function for each question about one collection."""

# ruff: noqa: A002 - these are the endpoints' parameters, by their names

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, query
from brightfield_client.calls.image_call import as_json
from brightfield_client.calls.reading import Read, binary, document, nothing, one, part, several
from brightfield_client.images import ImageSource, Payload, to_payload
from brightfield_client.results.binary import Binary
from brightfield_client.results.collections import (
    Addition,
    Clusters,
    CollectionInfo,
    IndexInfo,
    Neighbors,
    Projection,
)
from brightfield_client.results.patches import Patches
from brightfield_client.results.value import Json

T = TypeVar("T")
Filter = Mapping[str, Any]


def collections() -> Call[list[CollectionInfo]]:
    """The collections that the service keeps."""
    return Call("GET", "/collections", several(CollectionInfo, "collections"))


def make(name: str, /, **definition: Unpack[given.CollectionParameters]) -> Call[CollectionInfo]:
    """Make the collection; where it is there with the same properties nothing changes.

    Raises `ConflictError` where it is there with other properties.
    """
    return _json("PUT", name, "", definition, one(CollectionInfo))


def info(name: str, /) -> Call[CollectionInfo]:
    """What the collection is made of, and how many items it has."""
    return Call("GET", _path(name), one(CollectionInfo))


def delete(name: str, /) -> Call[None]:
    """Delete the collection with its items and maps."""
    return Call("DELETE", _path(name), nothing)


def add_images(
    name: str,
    /,
    payloads: Sequence[Payload],
    ids: Sequence[str],
    metadata: Sequence[Mapping[str, Any]],
    *,
    replace: bool = False,
    **parameters: Any,
) -> Call[list[Addition]]:
    """Add images that fit into one request."""
    fields = {"ids": list(ids), "metadata": [dict(each) for each in metadata], "replace": replace}
    fields |= {key: value for key, value in parameters.items() if value is not None}
    call = Call("POST", f"{_path(name)}/items", several(Addition, "items"))
    if any(payload.stored for payload in payloads):
        images = [as_json(payload) for payload in payloads]
        return call.with_json({"images": images, "parameters": fields})
    files = [("file", (each.name, each.content, each.media_type)) for each in payloads]
    field = (None, json.dumps(fields).encode(), "application/json")
    return changed(call, files=(*files, ("params", field)))


def add_vectors(
    name: str,
    /,
    vectors: npt.ArrayLike,
    ids: Sequence[str],
    metadata: Sequence[Mapping[str, Any]] | None = None,
    *,
    replace: bool = False,
) -> Call[list[Addition]]:
    """Add vectors (N, D) that are there already.

    Args:
        vectors: rows of finite numbers.
        ids: one for each; the same id with the same vector and metadata counts once.
        metadata: an object of texts, numbers and booleans for each.
        replace: let an item take the place of one with the same id and other content.

    Returns:
        What became of each.
    """
    array = np.ascontiguousarray(vectors, "<f4")
    body = {
        "vectors": {
            "shape": list(array.shape),
            "dtype": "float32",
            "data": base64.b64encode(array.tobytes()).decode("ascii"),
        },
        "ids": list(ids),
        "replace": replace,
    }
    if metadata is not None:
        body["metadata"] = [dict(each) for each in metadata]
    return _json("POST", name, "/items", body, several(Addition, "items"))


def items(
    name: str, /, *, filter: Filter | None = None, after: int = 0, limit: int = 1000
) -> Call[Json]:
    """Items with ids and metadata: `items`, `next` (for `after`; None at the end), `total`."""
    params = query({"filter": _text(filter), "after": after, "limit": limit})
    return Call("GET", f"{_path(name)}/items", document, params)


def remove(
    name: str, /, ids: Sequence[str] | None = None, *, filter: Filter | None = None
) -> Call[int]:
    """Delete items by their ids, or those that pass a filter; how many there were."""
    listed = None if ids is None else json.dumps(list(ids))
    params = query({"ids": listed, "filter": _text(filter)})
    return Call("DELETE", f"{_path(name)}/items", part("deleted", int), params)


def thumbnail(name: str, /, id: str) -> Call[Binary]:
    """The small picture of an item."""
    return Call("GET", f"{_path(name)}/items/{quote(id)}/thumbnail", binary)


def neighbors(
    name: str,
    /,
    image: ImageSource | None = None,
    *,
    vector: npt.ArrayLike | None = None,
    **parameters: Unpack[given.NeighborsParameters],
) -> Call[Neighbors]:
    """The items nearest an image, a vector or an item (`id`), the nearest first.

    Args:
        image: an image; it is embedded as the collection's are.
        vector: instead of an image.
    """
    body: dict[str, Any] = dict(parameters)
    if vector is not None:
        body["vector"] = np.asarray(vector, np.float64).tolist()
    if image is not None:
        payload = to_payload(image)
        body |= {"image": as_json(payload), "axes": payload.axes}
    return _json("POST", name, "/neighbors", body, one(Neighbors))


def index(name: str, /, **parameters: Unpack[given.IndexParameters]) -> Call[IndexInfo]:
    """Build the index of the collection anew, for `neighbors(..., search="hnsw")`.

    The service keeps its vectors in PostgreSQL with pgvector for that. Items that are added later
    come into the index by themselves. Raises `ConflictError` where the service's store can have no
    index.
    """
    return _json("PUT", name, "/index", parameters, one(IndexInfo))


def index_info(name: str, /) -> Call[IndexInfo]:
    """What the index was built with, holds and finds. Raises `NotFoundError` without one."""
    return Call("GET", f"{_path(name)}/index", one(IndexInfo))


def drop_index(name: str, /) -> Call[None]:
    """Delete the index; searches are exact without it."""
    return Call("DELETE", f"{_path(name)}/index", nothing)


def clusters(
    name: str, /, k: int, **parameters: Unpack[given.ClustersParameters]
) -> Call[Clusters]:
    """k-means into `k` clusters: labels, sizes, inertia, silhouette, and the items nearest each
    centre."""
    return _json("POST", name, "/clusters", {"k": k, **parameters}, one(Clusters))


def duplicates(
    name: str,
    /,
    threshold: float | None = None,
    **parameters: Unpack[given.DuplicatesParameters],
) -> Call[Json]:
    """Groups of items that lie closer together than `threshold` (default: 0.01): `groups`,
    `extra`."""
    return _json("POST", name, "/duplicates", {"threshold": threshold, **parameters}, document)


def outliers(
    name: str, /, most: int | None = None, **parameters: Unpack[given.OutliersParameters]
) -> Call[Json]:
    """At most `most` items by their local outlier factor, the largest first: `outliers`."""
    return _json("POST", name, "/outliers", {"most": most, **parameters}, document)


def disagreements(
    name: str, /, by: str, **parameters: Unpack[given.DisagreementsParameters]
) -> Call[Json]:
    """Items whose label, the metadata's `by`, is not that of their neighbours: `disagreements`."""
    return _json("POST", name, "/disagreements", {"by": by, **parameters}, document)


def patches(name: str, /, **parameters: Unpack[given.CollectionPatchesParameters]) -> Call[Any]:
    """The parts of the collection's images that excite the units of a layer most.

    The collection was made with `keep_images=True`; `raw["ids"]` of the answer names its images in
    the order in which `Patch.image` counts them. A binary `format` gives `Binary`.
    """
    in_bytes = parameters.get("format", "json") not in (None, "json")
    read: Any = binary if in_bytes else one(Patches)
    return _json("POST", name, "/patches", parameters, read)


def project(
    name: str, /, method: str = "tsne", **parameters: Unpack[given.ProjectionParameters]
) -> Call[Projection]:
    """A map of the items by pca, tsne or umap, which the service keeps."""
    return _json("POST", name, "/projection", {"method": method, **parameters}, one(Projection))


def projections(name: str, /) -> Call[list[Json]]:
    """The maps of the collection without their points, the newest first."""
    return Call("GET", f"{_path(name)}/projection", part("projections", list))


def projection(name: str, /, id: str) -> Call[Projection]:
    """A map that was made before; what was added since is placed, and nothing moves."""
    return Call("GET", f"{_path(name)}/projection/{quote(id, safe='')}", one(Projection))


def plot(
    name: str, /, id: str, **parameters: Unpack[given.ProjectionPlotParameters]
) -> Call[Binary]:
    """A map as a picture; see `Projection.plot`."""
    asked: dict[str, Any] = {**parameters, "filter": _text(parameters.get("filter"))}
    if isinstance(asked.get("ids"), list | tuple):
        asked["ids"] = json.dumps(list(asked["ids"]))
    path = f"{_path(name)}/projection/{quote(id, safe='')}/plot"
    return Call("GET", path, binary, query(asked))


def _path(name: str) -> str:
    return f"/collections/{quote(name, safe='')}"


def _json(method: str, name: str, below: str, body: Mapping[str, Any], read: Read[T]) -> Call[T]:
    known = {key: value for key, value in body.items() if value is not None}
    return Call(method, f"{_path(name)}{below}", read).with_json(known)


def _text(conditions: str | Filter | None) -> str | None:
    return json.dumps(conditions) if isinstance(conditions, Mapping) else conditions
