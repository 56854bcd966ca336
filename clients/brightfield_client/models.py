"""Models and their layers, as the service describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brightfield_client.errors import UnexpectedReply
from brightfield_client.results.result import html_table

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A model by its card and its state; `raw` has everything that the service says of it."""

    id: str
    version: str
    task: str
    state: str
    licence: str
    labels: tuple[str, ...] = field(repr=False)
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, value: Json) -> Model:
        try:
            return cls(
                str(value["id"]),
                str(value.get("version", "")),
                str(value.get("task", "")),
                str(value.get("state", "")),
                str(value.get("licence", "")),
                tuple(map(_name, value.get("labels") or ())),
                value,
            )
        except (KeyError, TypeError, AttributeError) as fault:
            raise UnexpectedReply(f"The reply is not a model: {fault!r}.") from fault

    def _repr_html_(self) -> str:
        row = (self.id, self.version, self.task, self.state, self.licence)
        return html_table(("model", "version", "task", "state", "licence"), [row])


@dataclass(frozen=True)
class Layer:
    """A layer that can be named as `layer`, with the shape of its output where it is known."""

    name: str
    shape: tuple[int | None, ...] | None
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, value: Json) -> Layer:
        try:
            shape = value.get("shape", value.get("output_shape"))
            return cls(str(value["name"]), None if shape is None else tuple(shape), value)
        except (KeyError, TypeError, AttributeError) as fault:
            raise UnexpectedReply(f"The reply is not a layer: {fault!r}.") from fault


def entries(body: Any, key: str) -> list[Json]:
    """The objects of a list, bare or under `key`."""
    found = body.get(key) if isinstance(body, dict) else body
    if not isinstance(found, list):
        raise UnexpectedReply(f"The reply has no list of {key}.")
    return found


def _name(label: Any) -> str:
    return str(label["name"] if isinstance(label, dict) else label)
