"""/collections and below: one function for each question about one collection."""

# ruff: noqa: A002, PLR0913 - these are the endpoints' parameters, by their names

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

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


def make(name: str, /, **definition: Any) -> Call[CollectionInfo]:
    """Make the collection; where it is there with the same properties nothing changes.

    Args:
        definition: model, layer, pool and normalize as of `embed`; metric (cosine, euclidean);
            dtype (float32, float16); keep_images; `dim` alone for vectors without a model.

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
    given = {"ids": list(ids), "metadata": [dict(each) for each in metadata], "replace": replace}
    given |= {key: value for key, value in parameters.items() if value is not None}
    call = Call("POST", f"{_path(name)}/items", several(Addition, "items"))
    if any(payload.stored for payload in payloads):
        images = [as_json(payload) for payload in payloads]
        return call.with_json({"images": images, "parameters": given})
    files = [("file", (each.name, each.content, each.media_type)) for each in payloads]
    field = (None, json.dumps(given).encode(), "application/json")
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
    id: str | None = None,
    k: int | None = None,
    filter: Filter | None = None,
    metric: str | None = None,
    space: str | None = None,
    search: str | None = None,
    ef_search: int | None = None,
) -> Call[Neighbors]:
    """The items nearest an image, a vector or an item, the nearest first.

    Args:
        image: an image; it is embedded as the collection's are.
        vector: instead of an image.
        id: instead of an image: an item, which is not among its own neighbours.
        k: how many (10).
        filter: conditions on the metadata, as `{"label": "RBC", "area": {"ge": 50}}`.
        metric: cosine or euclidean (the collection's).
        space: `pixels` compares thumbnails pixel by pixel.
        search: `hnsw` asks the collection's index, see `index`, which may miss some; with a filter,
            by another metric and in the space of pixels the search is exact all the same.
        ef_search: candidates that the index looks at, k at least and 1000 at most (100).
    """
    given = {"k": k, "filter": filter, "metric": metric, "space": space, "id": id}
    given |= {"search": search, "ef_search": ef_search}
    body = {key: value for key, value in given.items() if value is not None}
    if vector is not None:
        body["vector"] = np.asarray(vector, np.float64).tolist()
    if image is not None:
        payload = to_payload(image)
        body["image"] = as_json(payload)
        if payload.axes is not None:
            body["axes"] = payload.axes
    return _json("POST", name, "/neighbors", body, one(Neighbors))


def index(
    name: str, /, *, m: int | None = None, ef_construction: int | None = None
) -> Call[IndexInfo]:
    """Build the index of the collection anew, for `neighbors(..., search="hnsw")`.

    The service keeps its vectors in PostgreSQL with pgvector for that. Items that are added later
    come into the index by themselves.

    Args:
        m: links of a vector (16).
        ef_construction: candidates looked at for them, 2 m at least (64).

    Raises `ConflictError` where the service's store can have no index.
    """
    body = {"m": m, "ef_construction": ef_construction}
    return _json("PUT", name, "/index", body, one(IndexInfo))


def index_info(name: str, /) -> Call[IndexInfo]:
    """What the index was built with, holds and finds. Raises `NotFoundError` without one."""
    return Call("GET", f"{_path(name)}/index", one(IndexInfo))


def drop_index(name: str, /) -> Call[None]:
    """Delete the index; searches are exact without it."""
    return Call("DELETE", f"{_path(name)}/index", nothing)


def clusters(
    name: str,
    /,
    k: int,
    *,
    seed: int | None = None,
    runs: int | None = None,
    members: int | None = None,
    filter: Filter | None = None,
) -> Call[Clusters]:
    """k-means: labels, sizes, inertia, silhouette, and the items nearest each centre.

    Args:
        k: how many clusters.
        seed: of the starts (0).
        runs: starts, of which the best clustering is taken (10).
        members: items named for each cluster (5).
        filter: conditions on the metadata.
    """
    body = {"k": k, "seed": seed, "runs": runs, "members": members, "filter": filter}
    return _json("POST", name, "/clusters", body, one(Clusters))


def duplicates(
    name: str,
    /,
    threshold: float | None = None,
    *,
    k: int | None = None,
    filter: Filter | None = None,
) -> Call[Json]:
    """Groups of items that lie closer together than `threshold` (0.01): `groups`, `extra`."""
    body = {"threshold": threshold, "k": k, "filter": filter}
    return _json("POST", name, "/duplicates", body, document)


def outliers(
    name: str, /, most: int | None = None, *, k: int | None = None, filter: Filter | None = None
) -> Call[Json]:
    """Items by their local outlier factor, the largest first: `outliers`."""
    return _json("POST", name, "/outliers", {"most": most, "k": k, "filter": filter}, document)


def disagreements(
    name: str,
    /,
    by: str,
    *,
    most: int | None = None,
    k: int | None = None,
    filter: Filter | None = None,
) -> Call[Json]:
    """Items whose label, the metadata's `by`, is not that of their neighbours: `disagreements`."""
    body = {"by": by, "most": most, "k": k, "filter": filter}
    return _json("POST", name, "/disagreements", body, document)


def patches(name: str, /, *, filter: Filter | None = None, **parameters: Any) -> Call[Any]:
    """The parts of the collection's images that excite the units of a layer most.

    The collection was made with `keep_images=True`; `raw["ids"]` of the answer names its images in
    the order in which `Patch.image` counts them.

    Args:
        filter: conditions on the metadata.
        parameters: of `Client.patches`: layer, units, k, most, format.
    """
    body = {"filter": filter, **parameters}
    call: Call[Any] = _json("POST", name, "/patches", body, one(Patches))
    in_bytes = parameters.get("format", "json") not in (None, "json")
    return changed(call, read=binary) if in_bytes else call


def project(
    name: str, /, method: str = "tsne", *, filter: Filter | None = None, **parameters: Any
) -> Call[Projection]:
    """A map of the items, which the service keeps.

    Args:
        method: pca, tsne or umap.
        filter: conditions on the metadata.
        parameters: dimensions, seed, and the method's own, as perplexity.
    """
    body = {"method": method, "filter": filter, **parameters}
    return _json("POST", name, "/projection", body, one(Projection))


def projections(name: str, /) -> Call[list[Json]]:
    """The maps of the collection without their points, the newest first."""
    return Call("GET", f"{_path(name)}/projection", part("projections", list))


def projection(name: str, /, id: str) -> Call[Projection]:
    """A map that was made before; what was added since is placed, and nothing moves."""
    return Call("GET", f"{_path(name)}/projection/{quote(id, safe='')}", one(Projection))


def plot(name: str, /, id: str, **parameters: Any) -> Call[Binary]:
    """A map as a picture; see `Projection.plot`."""
    given = {**parameters, "filter": _text(parameters.get("filter"))}
    if isinstance(given.get("ids"), list | tuple):
        given["ids"] = json.dumps(list(given["ids"]))
    path = f"{_path(name)}/projection/{quote(id, safe='')}/plot"
    return Call("GET", path, binary, query(given))


def _path(name: str) -> str:
    return f"/collections/{quote(name, safe='')}"


def _json(method: str, name: str, below: str, body: Mapping[str, Any], read: Read[T]) -> Call[T]:
    given = {key: value for key, value in body.items() if value is not None}
    return Call(method, f"{_path(name)}{below}", read).with_json(given)


def _text(conditions: Filter | None) -> str | None:
    return None if conditions is None else json.dumps(conditions)
