"""What a collection is asked with more than plain parameters: images, vectors, lists of ids."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, path_of
from brightfield_client.calls.image_call import as_json
from brightfield_client.calls.reading import one, several
from brightfield_client.images import ImageSource, Payload, to_payload
from brightfield_client.results.collections import Addition, Neighbors

_ITEMS = "/collections/{}/items"


@dataclass(frozen=True)
class NamedImage:
    """An image on its way into a collection."""

    id: str
    payload: Payload
    metadata: Mapping[str, Any]


def add_images(
    name: str,
    /,
    added: Sequence[NamedImage],
    *,
    replace: bool = False,
    timeout: float | None = None,
    **parameters: Any,
) -> Call[list[Addition]]:
    """Add images that fit into one request."""
    payloads = [each.payload for each in added]
    metadata = [dict(each.metadata) for each in added]
    fields = {"ids": [each.id for each in added], "metadata": metadata, "replace": replace}
    fields |= {key: value for key, value in parameters.items() if value is not None}
    call = Call("POST", path_of(_ITEMS, name), several(Addition, "items"), timeout=timeout)
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
    timeout: float | None = None,
) -> Call[list[Addition]]:
    """Add vectors (N, D) that are there already.

    Args:
        vectors: rows of finite numbers.
        ids: one for each; the same id with the same vector and metadata counts once.
        metadata: an object of texts, numbers and booleans for each.
        replace: let an item take the place of one with the same id and other content.
        timeout: seconds for this call, instead of the client's.

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
        "metadata": None if metadata is None else [dict(each) for each in metadata],
    }
    call = Call("POST", path_of(_ITEMS, name), several(Addition, "items"), timeout=timeout)
    return call.with_given(body)


def neighbors(
    name: str,
    /,
    image: ImageSource | None = None,
    *,
    vector: npt.ArrayLike | None = None,
    timeout: float | None = None,
    **parameters: Unpack[given.NeighborsParameters],
) -> Call[Neighbors]:
    """The items nearest an image, a vector or an item (`id`), the nearest first.

    Args:
        image: an image; it is embedded as the collection's are.
        vector: instead of an image.
        timeout: seconds for this call, instead of the client's.
    """
    body: dict[str, Any] = dict(parameters)
    if vector is not None:
        body["vector"] = np.asarray(vector, np.float64).tolist()
    if image is not None:
        payload = to_payload(image)
        body |= {"image": as_json(payload), "axes": payload.axes}
    path = path_of("/collections/{}/neighbors", name)
    return Call("POST", path, one(Neighbors), timeout=timeout).with_given(body)
