"""What the service can run: /models and below."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from typing import Any, Literal, Unpack, overload
from urllib.parse import quote

from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, query
from brightfield_client.calls.reading import binary, one, several
from brightfield_client.models import Layer, Model
from brightfield_client.results.binary import Binary
from brightfield_client.results.filters import Filters


def models() -> Call[list[Model]]:
    """All models that the service knows, loaded or not."""
    return Call("GET", "/models", several(Model, "models"))


def model(model_id: str) -> Call[Model]:
    """One model's card, state and labels. Raises `NotFoundError`, which names near matches."""
    return Call("GET", _path(model_id), one(Model))


def load_model(model_id: str, *, pin: bool | None = None, anew: bool | None = None) -> Call[Model]:
    """Load a model and wait until it can answer.

    `pin` keeps it from being evicted for others; `anew` reads its card and weights again.
    """
    return Call("POST", _path(model_id, "/load"), one(Model), query({"pin": pin, "anew": anew}))


def unload_model(model_id: str) -> Call[Model]:
    """Free a model's memory; the next request for it loads it again."""
    return Call("POST", _path(model_id, "/unload"), one(Model))


def layers(model_id: str) -> Call[list[Layer]]:
    """The layers of a model that can be named as `layer`, in the order of the network."""
    return Call("GET", _path(model_id, "/layers"), several(Layer, "layers"))


@overload
def filters(
    model_id: str,
    *,
    format: Literal["json"] | None = None,
    **parameters: Unpack[given.FiltersParameters],
) -> Call[Filters]: ...
@overload
def filters(
    model_id: str,
    *,
    format: Literal["png", "npy"],
    **parameters: Unpack[given.FiltersParameters],
) -> Call[Binary]: ...
def filters(
    model_id: str, *, format: str | None = None, **parameters: Unpack[given.FiltersParameters]
) -> Call[Any]:
    """The filters of a convolution: its weights, as numbers or, with a binary `format`, as one
    picture."""
    read: Any = one(Filters) if format in (None, "json") else binary
    asked = query({**parameters, "format": format})
    return Call("GET", _path(model_id, "/filters"), read, asked)


def _path(model_id: str, below: str = "") -> str:
    return f"/models/{quote(model_id, safe='')}{below}"
