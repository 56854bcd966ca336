"""What the service can run: /models and below."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2

from brightfield_client.calls.call import Call, query, read_json
from brightfield_client.errors import UnexpectedReply
from brightfield_client.models import Layer, Model, entries


def models() -> Call[list[Model]]:
    """All models that the service knows, loaded or not."""
    return Call("GET", "/models", _models)


def model(model_id: str) -> Call[Model]:
    """One model's card, state and labels. Raises `NotFoundError`, which names near matches."""
    return Call("GET", f"/models/{quote(model_id, safe='')}", _model)


def load_model(model_id: str, *, pin: bool | None = None, anew: bool | None = None) -> Call[Model]:
    """Load a model and wait until it can answer.

    `pin` keeps it from being evicted for others; `anew` reads its card and weights again.
    """
    params = query({"pin": pin, "anew": anew})
    return Call("POST", f"/models/{quote(model_id, safe='')}/load", _model, params)


def unload_model(model_id: str) -> Call[Model]:
    """Free a model's memory; the next request for it loads it again."""
    return Call("POST", f"/models/{quote(model_id, safe='')}/unload", _model)


def layers(model_id: str) -> Call[list[Layer]]:
    """The layers of a model that can be named as `layer`, in the order of the network."""
    return Call("GET", f"/models/{quote(model_id, safe='')}/layers", _layers)


def _models(response: httpx2.Response) -> list[Model]:
    return [Model.from_json(value) for value in entries(read_json(response), "models")]


def _model(response: httpx2.Response) -> Model:
    return Model.from_json(_object(response))


def _layers(response: httpx2.Response) -> list[Layer]:
    return [Layer.from_json(value) for value in entries(read_json(response), "layers")]


def _object(response: httpx2.Response) -> dict[str, Any]:
    body = read_json(response)
    if not isinstance(body, dict):
        raise UnexpectedReply("The reply is not a model.")
    return body
