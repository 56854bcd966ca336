"""GET /models/{id}/filters."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from typing import Any, overload
from urllib.parse import quote

import httpx2

from brightfield_client.calls.call import Call, query, read_json
from brightfield_client.calls.image_call import read_binary
from brightfield_client.results.binary import Binary
from brightfield_client.results.filters import Filters


@overload
def filters(
    model_id: str,
    *,
    layer: str | None = None,
    first: int | None = None,
    count: int | None = None,
    first_slice: int | None = None,
    slices: int | None = None,
    format: None = None,
) -> Call[Filters]: ...
@overload
def filters(
    model_id: str,
    *,
    layer: str | None = None,
    first: int | None = None,
    count: int | None = None,
    first_slice: int | None = None,
    slices: int | None = None,
    format: str,
) -> Call[Binary]: ...
def filters(
    model_id: str,
    *,
    layer: str | None = None,
    first: int | None = None,
    count: int | None = None,
    first_slice: int | None = None,
    slices: int | None = None,
    format: str | None = None,
) -> Call[Any]:
    """The filters of a convolution: its weights, as numbers or as one picture.

    Args:
        model_id: id of the model.
        layer: a convolution, as `layers(model_id)` names it (the first one).
        first: the first filter (0).
        count: how many filters (all; in a picture 64 at most).
        first_slice: the first input slice (0).
        slices: how many input slices (all; in a picture 64 at most).
        format: png or npy: gives `Binary` instead of a typed result.

    Returns:
        `Filters`.
    """
    own = {
        "layer": layer,
        "first": first,
        "count": count,
        "first_slice": first_slice,
        "slices": slices,
        "format": format,
    }
    read = _filters if format in (None, "json") else read_binary
    return Call("GET", f"/models/{quote(model_id, safe='')}/filters", read, query(own))


def _filters(response: httpx2.Response) -> Filters:
    return Filters.from_json(read_json(response))
