"""How the shapes of JSON are declared, and how they become schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, Union

from pydantic import ConfigDict, TypeAdapter, with_config

Schema = dict[str, Any]
T = TypeVar("T")

REFERENCE = "#/components/schemas/"

_CLOSED = ConfigDict(extra="forbid", use_attribute_docstrings=True)
_OPEN = ConfigDict(extra="allow", use_attribute_docstrings=True)
_SHAPES: dict[str, type[Any]] = {}
_COMPOSED: dict[str, Schema] = {}


def shape(declared: type[T]) -> type[T]:
    """Makes a TypedDict a component of the document, under its own name.

    It has no other members than it declares; the docstrings under them are their descriptions.
    Raises `TypeError` where another shape has the name.
    """
    return _registered(declared, _CLOSED)


def open_shape(declared: type[T]) -> type[T]:
    """As `shape`, and there may be further members."""
    return _registered(declared, _OPEN)


def union(name: str, description: str, *members: type[Any]) -> str:
    """Makes "one of these shapes" a component of the document; returns its name."""
    choices = [reference(each.__name__) for each in members]
    _COMPOSED[name] = {"title": name, "description": description, "anyOf": choices}
    return name


def array(name: str, description: str, member: type[Any]) -> str:
    """Makes an array of a shape a component of the document; returns its name."""
    items = reference(member.__name__)
    _COMPOSED[name] = {"title": name, "description": description, "type": "array", "items": items}
    return name


def reference(name: str) -> Schema:
    """The schema that points at a component."""
    return {"$ref": f"{REFERENCE}{name}"}


@cache
def shapes() -> Mapping[str, Schema]:
    """Every declared shape as a schema, by its name."""
    schemas = {**_consisting_of(*_SHAPES.values()), **_COMPOSED}
    for name, declared in _SHAPES.items():
        for inherited in _described_by(declared):
            _fill_descriptions(schemas[name], inherited)
    return {name: on_one_line(schema) for name, schema in schemas.items()}


def shapes_with(types: Sequence[type[Any]]) -> Mapping[str, Schema]:
    """Every declared shape, and those of further types."""
    further = [each for each in types if each not in _SHAPES.values()]
    return {**_consisting_of(*further), **shapes()} if further else shapes()


def _consisting_of(*types: Any) -> dict[str, Schema]:
    """The schemas of types and of what they consist of; all at once, since each takes its time."""
    whole: TypeAdapter[Any] = TypeAdapter(Union[types])  # type: ignore[arg-type]  # noqa: UP007
    _, schema = TypeAdapter.json_schemas(
        [("all", "serialization", whole)], ref_template=f"{REFERENCE}{{model}}"
    )
    found: dict[str, Schema] = schema["$defs"]
    return found


def on_one_line(node: Any) -> Any:
    """The same schema with the lines of each description joined."""
    if isinstance(node, list):
        return [on_one_line(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: " ".join(each.split())
        if key == "description" and isinstance(each, str)
        else on_one_line(each)
        for key, each in node.items()
    }


def _registered(declared: type[T], config: ConfigDict) -> type[T]:
    name = declared.__name__
    if name in _SHAPES:
        raise TypeError(f"two shapes are called {name}")
    _SHAPES[name] = with_config(config)(declared)
    return declared


def _described_by(declared: type[Any]) -> Iterator[Schema]:
    """The schemas of what a shape inherits from; pydantic reads the docstrings of its own members
    alone."""
    for base in getattr(declared, "__orig_bases__", ()):
        if getattr(base, "__annotations__", None):
            yield TypeAdapter(with_config(_OPEN)(base)).json_schema()
            yield from _described_by(base)


def _fill_descriptions(schema: Schema, inherited: Schema) -> None:
    for name, known in inherited.get("properties", {}).items():
        own = schema["properties"].get(name, {})
        if "description" in known:
            own.setdefault("description", known["description"])
