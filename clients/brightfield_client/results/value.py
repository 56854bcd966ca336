"""Results as plain values, read from JSON by what their fields say.

A field is read from the key of its own name, or from where `at` says. Its type says how: numbers,
texts, tuples, mappings and other values, arrays from base64 or from nested lists.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeAlias, get_args, get_origin, get_type_hints

import numpy as np

from brightfield_client.arrays import decode_array, numbers
from brightfield_client.errors import ApiError, UnexpectedReply

Json: TypeAlias = Mapping[str, Any]
_MISSING = object()
_FAULTS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError)


def at(path: str = "", **options: Any) -> Any:
    """A field that is read from `path`, keys with dots between, where that is not its name; keys
    behind that of a list are those of each of its members.

    `rest=True` gathers the keys that no other field reads, `whole=True` takes all that is read,
    and `read=function` makes the value from what is there, where the type does not say enough.
    Other `options` are those of `dataclasses.field`.
    """
    marks: dict[str, Any] = {name: options.pop(name, None) for name in ("rest", "whole", "read")}
    return dataclasses.field(metadata={"at": path, **marks}, **options)


@dataclasses.dataclass(frozen=True)
class Value:
    """A plain value: it pickles, copies, and becomes JSON.

    What links it to its client (see `again`) is not a part of it: a copy has no link.
    """

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The value that the service's JSON describes. Raises `UnexpectedReply` for other JSON."""
        try:
            return cls(**cls._read(value))
        except _FAULTS as fault:
            raise UnexpectedReply(
                f"The reply isn't a valid {cls._what()}: {type(fault).__name__}: {fault}."
            ) from fault

    @classmethod
    def _what(cls) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()

    @classmethod
    def _read(cls, value: Any) -> dict[str, Any]:
        """The fields by their names."""
        return read_fields(cls, value)

    def to_dict(self) -> dict[str, Any]:
        """What the service said, ready for `json.dumps`; arrays are lists, bytes base64."""
        raw = getattr(self, "raw", None)
        if raw is not None:
            return dict(raw)
        return {field.name: plain(getattr(self, field.name)) for field in _own_fields(self)}

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_ask")}


def read_fields(kind: Any, value: Any, only: Sequence[str] | None = None) -> dict[str, Any]:
    """The fields of a dataclass (or `only` those) from a JSON object.

    A key that is missing leaves the field's default. Raises `KeyError`, `TypeError` or
    `ValueError` for what does not fit.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not an object")
    fields = [f for f in _own_fields(kind) if only is None or f.name in only]
    hints, found = _hints(kind), {}
    taken = {_path(field).partition(".")[0] for field in fields}
    for field in fields:
        if field.metadata.get("whole"):
            found[field.name] = dict(value)
        elif field.metadata.get("rest"):
            found[field.name] = {key: each for key, each in value.items() if key not in taken}
        elif (there := _look_up(value, _path(field), field)) is not _MISSING:
            read = field.metadata.get("read")
            found[field.name] = read(there) if read else _converted(hints[field.name], there)
    return found


def plain(value: Any) -> Any:
    """A value as JSON can hold it: NaN is null, an error is its problem."""
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return _plain_leaf(value)


def _plain_leaf(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, ApiError):
        return value.problem
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value) if isinstance(value, Path | BaseException) else repr(value)


def _own_fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(f for f in dataclasses.fields(kind) if not f.name.startswith("_"))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _path(field: dataclasses.Field[Any]) -> str:
    return field.metadata.get("at") or field.name


def _look_up(value: Any, path: str, field: dataclasses.Field[Any]) -> Any:
    optional = (
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )
    for key in path.split("."):
        if isinstance(value, list):
            value = [each[key] for each in value]
        elif optional and (value is None or key not in value):
            return _MISSING
        else:
            value = value[key]
    return _MISSING if optional and value is None else value


def _converted(kind: Any, value: Any) -> Any:
    """A JSON value as the type says."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _converted(next(each for each in inner if each is not type(None)), value)
    if origin is tuple:
        return _tuple(inner, value)
    if origin is np.ndarray:
        return _array(inner, value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise TypeError(f"{value!r} is not an object")
        return {inner[0](key): _converted(inner[1], each) for key, each in value.items()}
    return value if kind is Any else _scalar(kind, value)


def _tuple(inner: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_converted(inner[0], each) for each in value)
    return tuple(_converted(kind, each) for kind, each in zip(inner, value, strict=True))


def _array(inner: tuple[Any, ...], value: Any) -> np.ndarray[Any, Any]:
    """Base64 keeps its own type; lists become what the field says, else float64."""
    if isinstance(value, Mapping):
        return decode_array(value)
    (dtype,) = get_args(inner[1])
    exact = isinstance(dtype, type) and dtype is not np.generic
    return numbers(value).astype(dtype) if exact else numbers(value)


def _scalar(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Value):
        return kind(**kind._read(value))
    if hasattr(kind, "_fields"):  # a named tuple, an object in JSON
        hints = get_type_hints(kind)
        return kind(*(_converted(hints[name], value[name]) for name in kind._fields))
    if value is None and kind is not float:
        raise TypeError(f"null is not a {kind.__name__}")
    if value is None:  # as JSON writes what is not finite
        return float("nan")
    return kind(value)
